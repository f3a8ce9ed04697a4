//! Finds a program as a shell does: by its path, or in the folders of `PATH`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// Where programs are looked for when there is no `PATH`.
pub(super) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a search came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// Here it is.
    Found(PathBuf),
    /// Something with that name is there, and cannot be executed.
    NotExecutable(PathBuf),
    /// Nothing has that name.
    Missing,
}

/// Looks for a program. Relative paths and empty elements of `PATH` mean the current folder.
pub(super) fn find(command: &OsStr, path: &OsStr) -> Lookup {
    if command.is_empty() {
        return Lookup::Missing;
    }
    if command.as_bytes().contains(&b'/') {
        let program = Path::new(command);
        return if is_executable(program) {
            Lookup::Found(program.to_owned())
        } else if program.exists() {
            Lookup::NotExecutable(program.to_owned())
        } else {
            Lookup::Missing
        };
    }
    let mut lookup = Lookup::Missing;
    for folder in path.as_bytes().split(|byte| *byte == b':') {
        let folder = if folder.is_empty() { b"." } else { folder };
        let program = Path::new(OsStr::from_bytes(folder)).join(command);
        if is_executable(&program) {
            return Lookup::Found(program);
        }
        if program.is_file() && lookup == Lookup::Missing {
            lookup = Lookup::NotExecutable(program);
        }
    }
    lookup
}

fn is_executable(program: &Path) -> bool {
    program.is_file() && access(program, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn programs_are_found_as_a_shell_finds_them() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, mode: u32| {
            let file = dir.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::File::create(&file).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            file
        };
        let (plain, tool, second) = (
            put("a/tool", 0o644),
            put("b/tool", 0o755),
            put("c/tool", 0o755),
        );
        let alone = put("a/alone", 0o644);
        fs::create_dir(dir.path().join("a/sub")).unwrap();
        symlink("nowhere", dir.path().join("a/dangling")).unwrap();
        let path = |folders: &[&str]| {
            let folders: Vec<String> = folders
                .iter()
                .map(|folder| dir.path().join(folder).display().to_string())
                .collect();
            OsString::from(folders.join(":"))
        };
        let all = path(&["missing", "a", "b", "c"]);
        for (command, path, expected) in [
            ("tool", all.clone(), Lookup::Found(tool)),
            ("tool", path(&["c", "b"]), Lookup::Found(second)),
            ("tool", path(&["a"]), Lookup::NotExecutable(plain.clone())),
            ("alone", all.clone(), Lookup::NotExecutable(alone)),
            ("sub", all.clone(), Lookup::Missing),
            ("dangling", all.clone(), Lookup::Missing),
            ("nothing", all.clone(), Lookup::Missing),
            ("", all.clone(), Lookup::Missing),
            (
                plain.to_str().unwrap(),
                all.clone(),
                Lookup::NotExecutable(plain.clone()),
            ),
            ("/nowhere/tool", all, Lookup::Missing),
        ] {
            assert_eq!(find(OsStr::new(command), &path), expected, "{command}");
        }
    }

    #[test]
    fn a_folder_named_by_its_path_is_there_but_not_executable() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(
            find(dir.path().as_os_str(), OsStr::new("")),
            Lookup::NotExecutable(dir.path().to_owned())
        );
    }
}
