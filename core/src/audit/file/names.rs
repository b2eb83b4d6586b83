//! The files of a chain: `audit.jsonl` is always the one that is written; when it is full it becomes
//! `audit.000001.jsonl`, `audit.000002.jsonl` and so on, upwards.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

/// What stands for the process's id in a path.
const PID: &str = "{pid}";

/// The names of a chain's files.
#[derive(Clone, Debug)]
pub(super) struct Names {
    current: PathBuf,
    directory: PathBuf,
    stem: OsString,
    extension: Option<OsString>,
}

impl Names {
    /// The names around a path that holds no `{pid}` any more.
    pub(super) fn new(current: &Path) -> Self {
        let directory = current.parent().filter(|parent| !parent.as_os_str().is_empty());
        Names {
            current: current.to_path_buf(),
            directory: directory.unwrap_or(Path::new(".")).to_path_buf(),
            stem: current.file_stem().unwrap_or_default().to_owned(),
            extension: current.extension().map(OsStr::to_owned),
        }
    }

    /// The names for a process: `{pid}` replaced.
    pub(super) fn of_process(template: &Path, pid: u32) -> Self {
        match template.to_str() {
            Some(text) if text.contains(PID) => Names::new(Path::new(&text.replace(PID, &pid.to_string()))),
            _ => Names::new(template),
        }
    }

    /// The names for the child of a fork: `{pid}` replaced, or `-PID` added.
    pub(super) fn of_child(template: &Path, pid: u32) -> Self {
        if template.to_str().is_some_and(|text| text.contains(PID)) {
            return Names::of_process(template, pid);
        }
        let names = Names::new(template);
        Names::new(&names.named(&format!("-{pid}")))
    }

    /// The names around the file that a symbolic link leads to, where the path is one: a link must not be renamed
    /// in its place, and both ways to the file must meet at one lock.
    pub(super) fn resolved(self) -> Self {
        match std::fs::canonicalize(&self.current) {
            Ok(real) if self.current.is_symlink() => Names::new(&real),
            _ => self,
        }
    }

    /// The file that is written.
    pub(super) fn current(&self) -> &Path {
        &self.current
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The lock file: it stays the same when the file itself is renamed.
    pub(super) fn lock(&self) -> PathBuf {
        let mut name = self.current.clone().into_os_string();
        name.push(".lock");
        name.into()
    }

    /// The file with this number.
    pub(super) fn rotated(&self, number: u64) -> PathBuf {
        self.named(&format!(".{number:06}"))
    }

    /// The rotated files that are there, by number. What a file system says against listing them is an error.
    pub(super) fn segments(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            if let Some(number) = self.number(&name) {
                found.push((number, self.directory.join(name)));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The number in a name that is exactly what [`rotated`](Self::rotated) makes of it.
    fn number(&self, name: &OsStr) -> Option<u64> {
        let rest = name.as_encoded_bytes().strip_prefix(self.stem.as_encoded_bytes())?.strip_prefix(b".")?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()?;
        (number > 0 && self.rotated(number).file_name() == Some(name)).then_some(number)
    }

    fn named(&self, addition: &str) -> PathBuf {
        let mut name = self.stem.clone();
        name.push(addition);
        if let Some(extension) = &self.extension {
            name.push(".");
            name.push(extension);
        }
        // A bare name stays one, so that messages show what the user wrote.
        self.current.with_file_name(name)
    }
}

/// A file's name as texts and messages hold it.
pub(super) fn shown(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_stand_beside_the_current_one() {
        for (path, rotated, child) in [
            ("/var/audit.jsonl", "/var/audit.000012.jsonl", "/var/audit-7.jsonl"),
            ("audit", "audit.000012", "audit-7"),
            ("a.b.jsonl", "a.b.000012.jsonl", "a.b-7.jsonl"),
        ] {
            assert_eq!(Names::new(Path::new(path)).rotated(12), Path::new(rotated));
            assert_eq!(Names::of_child(Path::new(path), 7).current(), Path::new(child));
        }
        assert_eq!(Names::of_process(Path::new("d/a-{pid}.log"), 7).current(), Path::new("d/a-7.log"));
        assert_eq!(Names::of_child(Path::new("d/a-{pid}.log"), 7).current(), Path::new("d/a-7.log"));
    }

    #[test]
    fn only_names_that_rotation_makes_are_found() {
        let directory = tempfile::tempdir().unwrap();
        for name in [
            "audit.jsonl",
            "audit.000002.jsonl",
            "audit.1000000.jsonl",
            "audit.000001.jsonl",
            "audit.000000.jsonl",
            "audit.1.jsonl",
            "audit.0000003.jsonl",
            "audit.000003.jsonl.gz",
            "audit-1.jsonl",
            "audit.00000x.jsonl",
            "xaudit.000004.jsonl",
        ] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let found = Names::new(&directory.path().join("audit.jsonl")).segments().unwrap();
        assert_eq!(found.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 1_000_000]);
    }
}
