//! Finds programs by name.

use std::env::{join_paths, split_paths};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::error::ProcessError;

/// Finds a program in the folders of `path`, a list as in the variable `PATH`.
///
/// A relative folder is skipped: what stands in the current folder is not run by accident.
pub fn find(program: &str, path: &OsStr) -> Result<PathBuf, ProcessError> {
    let not_found = || ProcessError::NotFound {
        program: program.to_owned(),
        hint: format!("install `{program}`, or add its folder to `PATH`"),
    };
    let absolute = split_paths(path).filter(|folder| folder.is_absolute());
    let folders = join_paths(absolute).map_err(|_| not_found())?;
    which::which_in(program, Some(folders), Path::new("/")).map_err(|_| not_found())
}
