//! The guest as a program: the built binary, in folders and namespaces of its own.

#[cfg(test)]
mod changes;
#[cfg(test)]
mod confine;
#[cfg(test)]
mod exec;
#[cfg(test)]
mod filter;
#[cfg(test)]
mod image;
#[cfg(test)]
mod init;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod program;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod room;
#[cfg(test)]
mod tar_in;
#[cfg(test)]
mod tar_out;
mod time;
