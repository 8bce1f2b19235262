//! The licence texts of everything inside what `dist` builds, in one file.
//!
//! The crates' texts come from their sources, std's from the toolchain's documentation, those of the C libraries that
//! are linked in from the packages that bring them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    platform::{Linker, Platform},
    tools,
};
use crate::{
    Failure,
    shell::{Run, root},
};

/// Crates without a licence text in their source, and the crate of the same author and licence whose text is theirs.
const BORROWED: [(&str, &str); 3] = [
    ("clipboard-win", "error-code"),
    ("winapi-i686-pc-windows-gnu", "winapi"),
    ("winapi-x86_64-pc-windows-gnu", "winapi"),
];

/// The texts, by what they are for.
#[derive(Debug, Default)]
struct Texts {
    /// Text → what is under it.
    owners: BTreeMap<String, BTreeSet<String>>,
}

impl Texts {
    fn add(&mut self, owner: &str, path: &Path) -> Result<(), Failure> {
        let bytes =
            fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        let owners = self.owners.entry(text.trim().to_owned()).or_default();
        owners.insert(owner.to_owned());
        Ok(())
    }

    fn write(&self) -> String {
        let line = "=".repeat(100);
        let mut text = String::from(
            "ws is under MIT OR Apache-2.0. These are its licences and those of everything that is linked into it.\n",
        );
        for (licence, owners) in &self.owners {
            let owners: Vec<_> = owners.iter().map(String::as_str).collect();
            text.push_str(&format!(
                "\n{line}\n{}\n{line}\n\n{licence}\n",
                owners.join("\n")
            ));
        }
        text
    }
}

/// Collects the texts for these platforms; returns the file's contents and the number of crates.
pub(crate) fn collect(platforms: &[&Platform]) -> Result<(String, usize), Failure> {
    let mut texts = Texts::default();
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        texts.add("ws (MIT OR Apache-2.0)", &root().join(name))?;
    }
    let mut crates = BTreeMap::new();
    for platform in platforms {
        let metadata = metadata(platform.triple)?;
        crates.extend(linked(&metadata)?);
    }
    for (name, package) in &crates {
        let folder = folder_of_texts(package, &crates)?;
        let files = licence_files(&folder)?;
        if files.is_empty() {
            return Err(format!("{name}: no licence text in {}", folder.display()));
        }
        let owner = format!("{name} ({})", package.licence);
        for file in files {
            texts.add(&owner, &file)?;
        }
    }
    add_rust(&mut texts)?;
    add_c_libraries(&mut texts, platforms)?;
    Ok((texts.write(), crates.len()))
}

/// A crate that is linked in.
#[derive(Debug, PartialEq, Eq)]
struct Package {
    name: String,
    licence: String,
    folder: PathBuf,
}

fn metadata(triple: &str) -> Result<Value, Failure> {
    let text = Run::cargo()
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--filter-platform",
            triple,
        ])
        .read()?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata printed no JSON: {error}"))
}

/// The foreign crates that the add-in and the command line are built from, by "name version".
fn linked(metadata: &Value) -> Result<BTreeMap<String, Package>, Failure> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<_, _> = list(&metadata["packages"])
        .into_iter()
        .map(|package| (text(&package["id"]), package))
        .collect();
    let nodes: BTreeMap<_, _> = list(&metadata["resolve"]["nodes"])
        .into_iter()
        .map(|node| (text(&node["id"]), node))
        .collect();
    let mut open: Vec<_> = packages
        .iter()
        .filter(|(_, package)| ["ws-ffi", "ws-cli"].contains(&&*text(&package["name"])))
        .map(|(id, _)| id.clone())
        .collect();
    let mut seen = BTreeSet::new();
    let mut crates = BTreeMap::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        for dependency in list(&nodes[&id]["deps"]) {
            // A kind of null is an ordinary one; what only build scripts or tests use is not inside.
            if list(&dependency["dep_kinds"])
                .iter()
                .any(|kind| kind["kind"].is_null())
            {
                open.push(text(&dependency["pkg"]));
            }
        }
        let package = &packages[&id];
        if package["source"].is_null() {
            continue;
        }
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        let manifest = PathBuf::from(text(&package["manifest_path"]));
        let folder = manifest.parent().unwrap_or(&manifest).to_path_buf();
        let licence = text(&package["license"]);
        crates.insert(
            format!("{name} {version}"),
            Package {
                name,
                licence,
                folder,
            },
        );
    }
    if crates.is_empty() {
        return Err("cargo metadata shows no crate that we are built from".to_owned());
    }
    Ok(crates)
}

fn folder_of_texts(
    package: &Package,
    crates: &BTreeMap<String, Package>,
) -> Result<PathBuf, Failure> {
    let Some((_, lender)) = BORROWED.iter().find(|(name, _)| *name == package.name) else {
        return Ok(package.folder.clone());
    };
    let lender = crates.values().find(|package| package.name == *lender);
    lender.map(|lender| lender.folder.clone()).ok_or_else(|| {
        format!(
            "{}: the crate that has its licence is not there",
            package.name
        )
    })
}

/// The files beside a manifest that are named like licence texts.
fn licence_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failure = |error| format!("cannot read {}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failure)? {
        let entry = entry.map_err(failure)?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if is_licence(&name) && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn is_licence(name: &str) -> bool {
    let beginnings = [
        "licence",
        "license",
        "copying",
        "copyright",
        "notice",
        "unlicense",
    ];
    beginnings
        .iter()
        .any(|beginning| name.starts_with(beginning))
        && !name.ends_with(".rs")
}

/// The notice of std and of all crates inside it, as the toolchain has it.
fn add_rust(texts: &mut Texts) -> Result<(), Failure> {
    let sysroot = Run::new("rustc").args(["--print", "sysroot"]).read()?;
    let folder = Path::new(sysroot.trim()).join("share/doc/rust");
    texts.add(
        "Rust's standard library, with the crates inside it",
        &folder.join("COPYRIGHT-library.html"),
    )?;
    for name in ["MIT.txt", "Apache-2.0.txt", "LLVM-exception.txt"] {
        texts.add(
            "Rust's standard library",
            &folder.join("licenses").join(name),
        )?;
    }
    Ok(())
}

fn add_c_libraries(texts: &mut Texts, platforms: &[&Platform]) -> Result<(), Failure> {
    let zig = platforms.iter().any(|platform| !platform.is_windows());
    if zig {
        let library = tools::zig_library()?;
        texts.add(
            "LLVM's libunwind and compiler-rt (Linux)",
            &library.join("libunwind/LICENSE.TXT"),
        )?;
        if platforms
            .iter()
            .any(|platform| platform.linker == Linker::ZigMusl)
        {
            texts.add("musl (ws for Linux)", &library.join("libc/musl/COPYRIGHT"))?;
        }
    }
    if platforms.iter().any(|platform| platform.is_windows()) {
        texts.add(
            "mingw-w64's run time (Windows)",
            Path::new("/usr/share/doc/mingw-w64-common/copyright"),
        )?;
        let gcc = Path::new("/usr/share/doc/gcc-mingw-w64-base/copyright");
        texts.add("GCC's run time (Windows)", gcc)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn knows_a_licence_by_its_name() {
        for name in [
            "license-mit",
            "licence.txt",
            "copying",
            "notice",
            "copyright",
        ] {
            assert!(is_licence(name), "{name}");
        }
        for name in ["readme.md", "licenses.rs", "cargo.toml"] {
            assert!(!is_licence(name), "{name}");
        }
    }

    #[test]
    fn counts_what_is_linked_and_not_what_only_builds_or_tests() {
        let package = |name: &str, source: Value| json!({"id": name, "name": name, "version": "1.0.0", "source": source, "license": "MIT", "manifest_path": format!("{name}/Cargo.toml")});
        let dependency =
            |name: &str, kind: Value| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "packages": [
                package("ws-ffi", Value::Null), package("a", json!("registry")), package("b", json!("registry")),
                package("c", json!("registry")), package("d", json!("registry")),
            ],
            "resolve": {"nodes": [
                {"id": "ws-ffi", "deps": [dependency("a", Value::Null), dependency("b", json!("dev"))]},
                {"id": "a", "deps": [dependency("c", Value::Null), dependency("d", json!("build"))]},
                {"id": "b", "deps": []}, {"id": "c", "deps": [dependency("a", Value::Null)]}, {"id": "d", "deps": []},
            ]},
        });
        let names: Vec<_> = linked(&metadata).unwrap().into_keys().collect();
        assert_eq!(names, ["a 1.0.0", "c 1.0.0"]);
    }

    #[test]
    fn names_all_owners_of_a_text_once() {
        let mut texts = Texts::default();
        let path = root().join("LICENSE-MIT");
        texts.add("b", &path).unwrap();
        texts.add("a", &path).unwrap();
        assert_eq!(texts.owners.len(), 1);
        assert!(texts.write().contains("\na\nb\n"));
    }
}
