//! Shows every call of a program to somebody who asked for it, before it is made.

use std::fmt;
use std::sync::OnceLock;

use super::invocation::Invocation;

type Observer = Box<dyn Fn(&dyn fmt::Display) + Send + Sync>;

/// One for the whole process, since it is the process's calls that are watched.
static OBSERVER: OnceLock<Observer> = OnceLock::new();

/// Has every call shown from now on. The first one who asks gets them.
///
/// What is shown pastes into a shell; secrets on standard input are not among it.
pub fn observe(observer: impl Fn(&dyn fmt::Display) + Send + Sync + 'static) {
    // A second observer would be a defect of the caller's, and harms nobody.
    OBSERVER.set(Box::new(observer)).ok();
}

pub(super) fn show(invocation: &Invocation) {
    if let Some(observer) = OBSERVER.get() {
        observer(invocation);
    }
}
