//! A copy of what git tracks here, to be patched and built on its own.
//!
//! Invariant: what was read at the beginning is what is tested, whatever is edited here meanwhile.
//! Invariant: a file that is as it should be is not written, so that its time stays and cargo does not build it again.

use std::{
    collections::BTreeMap,
    fs::{self, File, Permissions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::{
    Failure,
    shell::{Run, root, tracked},
};

/// The copy.
#[derive(Debug)]
pub(crate) struct Tree {
    folder: PathBuf,
    /// From the root, with slashes.
    files: BTreeMap<PathBuf, Content>,
    /// Held as long as the copy is used: two that patch it at once would see each other's mutants.
    _lock: File,
}

#[derive(Debug)]
struct Content {
    bytes: Vec<u8>,
    permissions: Permissions,
}

impl Tree {
    /// Of the files that git tracks, and of new ones that it does not ignore.
    pub(crate) fn new(folder: PathBuf) -> Result<Self, Failure> {
        // One that is deleted and not committed yet is no part of the tree.
        let paths = tracked()?
            .into_iter()
            .filter(|path| root().join(path).is_file());
        let files = read(&root(), paths.map(PathBuf::from))
            .map_err(|error| format!("cannot read the files that git tracks: {error}"))?;
        Ok(Self {
            _lock: lock(&folder.with_extension("lock"))?,
            folder,
            files,
        })
    }

    /// Makes the copy equal to the tree.
    pub(crate) fn restore(&self) -> Result<(), Failure> {
        self.write_changed()
            .map_err(|error| format!("cannot copy to {}: {error}", self.folder.display()))?;
        if !self.folder.join(GIT).exists() {
            // A repository of its own: the tests of `tidy` ask git for its files, and where it is part of one above,
            // `git apply` skips what lies outside of the folder, and says nothing.
            Run::new("git")
                .args(["init", "--quiet"])
                .in_folder(&self.folder)
                .run()?;
        }
        Ok(())
    }

    fn write_changed(&self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        for path in walk(&self.folder, Path::new(""))? {
            if !self.files.contains_key(&path) {
                fs::remove_file(self.folder.join(path))?;
            }
        }
        for (path, content) in &self.files {
            let path = self.folder.join(path);
            if fs::read(&path).is_ok_and(|is| is == content.bytes) {
                continue;
            }
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&path, &content.bytes)?;
            fs::set_permissions(&path, content.permissions.clone())?;
        }
        Ok(())
    }

    /// Applies a patch of the copy to it; false if it does not fit.
    pub(crate) fn apply(&self, patch: &str) -> Result<bool, Failure> {
        let (status, text) = Run::new("git")
            .args(["apply", "--whitespace=nowarn", patch])
            .in_folder(&self.folder)
            .read_both()?;
        if !status.success() {
            println!("{text}");
        }
        Ok(status.success())
    }
}

fn lock(path: &Path) -> Result<File, Failure> {
    let cannot = |error| format!("cannot lock {}: {error}", path.display());
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(cannot)?;
    let file = File::create(path).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err("another `cargo xtask mutants` runs in this folder".to_owned())
        }
        Err(TryLockError::Error(error)) => Err(cannot(error)),
    }
}

fn read(
    folder: &Path,
    paths: impl Iterator<Item = PathBuf>,
) -> io::Result<BTreeMap<PathBuf, Content>> {
    paths
        .map(|path| {
            let full = folder.join(&path);
            let permissions = fs::metadata(&full)?.permissions();
            let bytes = fs::read(full)?;
            Ok((path, Content { bytes, permissions }))
        })
        .collect()
}

/// Every file below `folder`, from `folder` on.
/// All files but those of git itself.
fn walk(folder: &Path, below: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if path.as_path() == Path::new(GIT) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            files.extend(walk(folder, &path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

const GIT: &str = ".git";

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "Breaks: x\n\ndiff --git a/a/one.txt b/a/one.txt\n--- a/a/one.txt\n+++ b/a/one.txt\n\
        @@ -1,3 +1,3 @@\n 1\n-2\n+4\n 3\n";

    #[test]
    fn a_patch_is_applied_and_undone_and_the_rest_is_not_touched() {
        let base = std::env::temp_dir().join(format!("xtask-mutants-{}", std::process::id()));
        let source = base.join("source");
        fs::create_dir_all(source.join("a")).unwrap();
        fs::write(source.join("a/one.txt"), "1\n2\n3\n").unwrap();
        fs::write(source.join("two.txt"), "two\n").unwrap();
        fs::write(source.join("p.patch"), PATCH).unwrap();
        let paths = ["a/one.txt", "two.txt", "p.patch"].map(PathBuf::from);
        let tree = Tree {
            _lock: lock(&base.join("tree.lock")).unwrap(),
            folder: base.join("tree"),
            files: read(&source, paths.into_iter()).unwrap(),
        };
        let one = || fs::read_to_string(tree.folder.join("a/one.txt")).unwrap();
        let time = || {
            let metadata = fs::metadata(tree.folder.join("two.txt")).unwrap();
            metadata.modified().unwrap()
        };

        tree.restore().unwrap();
        let written = time();
        fs::write(source.join("a/one.txt"), "edited meanwhile").unwrap();
        assert_eq!(tree.apply("p.patch"), Ok(true));
        assert_eq!(one(), "1\n4\n3\n");
        assert_eq!(tree.apply("p.patch"), Ok(false), "it does not fit any more");
        fs::write(tree.folder.join("a/new.txt"), "").unwrap();
        tree.restore().unwrap();
        assert_eq!(one(), "1\n2\n3\n");
        assert!(!tree.folder.join("a/new.txt").exists());
        assert_eq!(time(), written);
        assert!(lock(&base.join("tree.lock")).is_err(), "it is in use");
        fs::remove_dir_all(&base).unwrap();
    }
}
