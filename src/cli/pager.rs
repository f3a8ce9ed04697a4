//! Long text for people, through the user's pager.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::time::Duration;

use super::context::Context;
use crate::error::Result;
use crate::launch::Signals;
use crate::process::{self, Invocation};

/// How often it is looked whether the pager has ended.
const LOOK: Duration = Duration::from_mins(1);

/// Tells whether text goes to a person who looks at it now.
pub(super) fn is_read_now() -> bool {
    std::io::stdout().is_terminal()
}

/// Shows text through `$PAGER`, or `less`, on a terminal; elsewhere it is printed as it is.
pub(super) fn show(context: &Context, text: String) -> Result<()> {
    let pager = if is_read_now() { pager(context)? } else { None };
    let Some(pager) = pager else {
        return Ok(context.ui().data(&text)?);
    };
    // A Ctrl-C is the pager's, which stays; bottle must not go before it.
    let _signals = Signals::watch()?;
    let _released = context.ui().release();
    let attached = process::page(&pager, text.into_bytes())?;
    while attached.wait_timeout(LOOK)?.is_none() {}
    Ok(())
}

/// `PAGER` is a line for a shell, as everywhere. Empty, or `cat`, means none.
fn pager(context: &Context) -> Result<Option<Invocation>> {
    let env = context.env();
    let invocation = match env.var("PAGER")?.as_deref().map(str::trim) {
        Some("" | "cat") => return Ok(None),
        Some(line) => Invocation::new("/bin/sh", ["-c", line]),
        None => match process::find("less", env.path()) {
            Ok(less) => Invocation::new(less, Vec::<OsString>::new()),
            Err(_) => return Ok(None),
        },
    };
    // It ends by itself when all fits on the screen, and shows colours.
    Ok(Some(match env.var("LESS")? {
        None => invocation.with_env("LESS", "FRX"),
        Some(_) => invocation,
    }))
}
