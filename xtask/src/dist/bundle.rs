//! The files that users get: the add-in's zip with its manifest, the command line's zips, and their sums.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::platform::{Addin, Platform};
use crate::{
    Failure, modules,
    shell::{Run, root},
};

/// A file in a zip.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) is_program: bool,
}

impl Entry {
    pub(crate) fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            is_program: false,
        }
    }

    pub(crate) fn program(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self {
            is_program: true,
            ..Self::new(name, path)
        }
    }
}

/// The name of a library: 1C caches by name, and what is loaded cannot be overwritten, so every version has its own.
pub(crate) fn library_name(addin: &Addin) -> String {
    format!("{}_{}", modules::attach_name(), addin.suffix)
}

/// What 1C and OneScript choose the library by.
pub(crate) fn manifest(platforms: &[&Platform]) -> String {
    let mut text = String::from(
        "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<bundle xmlns=\"http://v8.1c.ru/8.2/addin/bundle\" name=\"WS\">
",
    );
    for addin in platforms
        .iter()
        .filter_map(|platform| platform.addin.as_ref())
    {
        let (os, arch) = (addin.os, addin.arch);
        let path = library_name(addin);
        text.push_str(&format!(
            "\t<component os=\"{os}\" path=\"{path}\" type=\"native\" arch=\"{arch}\"/>\n"
        ));
    }
    text.push_str("</bundle>\n");
    text
}

/// Writes a zip whose bytes depend on nothing but its entries, and makes sure of that.
///
/// Python's zipfile does it, which `dist` needs anyway for zig: a crate would be built by every `cargo xtask`.
pub(crate) fn zip(path: &Path, entries: &[Entry]) -> Result<u64, Failure> {
    write_zip(path, entries)?;
    let again = path.with_extension("again");
    write_zip(&again, entries)?;
    let same = read(path)? == read(&again)?;
    fs::remove_file(&again)
        .map_err(|error| format!("cannot remove {}: {error}", again.display()))?;
    if !same {
        return Err(format!("{} differs when made again", path.display()));
    }
    let size = fs::metadata(path).map(|metadata| metadata.len());
    size.map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn write_zip(path: &Path, entries: &[Entry]) -> Result<(), Failure> {
    let mut run = Run::new("python3")
        .args([root().join("xtask/src/dist/zip.py")])
        .args([path]);
    for entry in entries {
        let mode = if entry.is_program { "755" } else { "644" };
        run = run.args([mode, &entry.name]).args([&entry.path]);
    }
    run.run()
}

/// All files below a folder, by their path from it with slashes, sorted.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(current) = open.pop() {
        let failure = |error| format!("cannot read {}: {error}", current.display());
        for entry in fs::read_dir(&current).map_err(failure)? {
            let path = entry.map_err(failure)?.path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(relative) = path.strip_prefix(folder) {
                files.push(relative.display().to_string());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Writes `SHA256SUMS` for everything in the folder, as `sha256sum -c` takes it; returns how many files there are.
pub(crate) fn sums(folder: &Path) -> Result<usize, Failure> {
    let files = files_below(folder)?;
    let text = Run::new("sha256sum")
        .args(["--"])
        .args(&files)
        .in_folder(folder)
        .read()?;
    let path = folder.join("SHA256SUMS");
    fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(files.len())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_every_library_with_its_version() {
        let platforms = Platform::select(None).unwrap();
        let text = manifest(&platforms);
        assert_eq!(text.matches("<component ").count(), 5);
        let name = modules::attach_name();
        for (system, arch, file) in [
            ("Windows", "i386", "Win32.dll"),
            ("Linux", "ARM64", "LinARM64.so"),
        ] {
            let line =
                format!("os=\"{system}\" path=\"{name}_{file}\" type=\"native\" arch=\"{arch}\"");
            assert!(text.contains(&line), "{text}");
        }
    }

    #[test]
    fn a_zip_holds_its_entries_in_order() {
        let folder = std::env::temp_dir().join(format!("xtask-zip-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("one"), "1").unwrap();
        let out = folder.join("out.zip");
        let entries = [
            Entry::program("b/tool", folder.join("one")),
            Entry::new("a", folder.join("one")),
        ];
        zip(&out, &entries).unwrap();
        let listing = Run::new("python3")
            .args(["-m", "zipfile", "-l"])
            .args([&out])
            .read()
            .unwrap();
        let sums = sums(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        let a = listing.find("a  ").unwrap();
        assert!(a < listing.find("b/tool").unwrap(), "{listing}");
        assert!(listing.contains("1980-01-01 00:00:00"), "{listing}");
        assert_eq!(sums, 2);
    }
}
