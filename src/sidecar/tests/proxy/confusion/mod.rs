//! A table of requests by which one reader was fooled where another was not, each refused beside a
//! twin that differs in the one thing and arrives.

mod connects;
mod fields;
mod lines;
mod names;
mod rows;
mod run;
mod streams;
