//! The built program, from the outside: what it prints where, and how it ends.
//!
//! Each test has a world of its own: a home folder, a current folder, and a `PATH` with nothing on
//! it but what the test puts there. No test needs an engine.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod check;
#[cfg(test)]
mod clean;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod files;
#[cfg(test)]
mod help;
#[cfg(test)]
mod live;
mod man;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod readme;
mod report;
#[cfg(test)]
mod run;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod world;
