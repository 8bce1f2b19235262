//! `dist`: what users get, in `target/dist`.
//!
//! ```text
//! platform ─ build ─ inspect ┐
//!            resource        ├─ bundle → add-in zip, zips of `ws`, SHA256SUMS
//!          licences, manual ┘
//! ```
//! Each file is inspected for what it must and must not be; a single problem fails the command. Needs Debian 12 or newer
//! and fetches compilers and linkers by apt and pip where they are missing; no part of `ci`, because each platform takes
//! minutes.

mod build;
mod bundle;
mod inspect;
mod licences;
mod manual;
mod platform;
mod resource;
mod tools;

use std::{
    fs,
    path::{Path, PathBuf},
};

use bundle::Entry;

pub(crate) use build::Product;
pub(crate) use platform::Platform;
pub(crate) use tools::{DEBIAN, install as install_tools};

use crate::{
    Failure,
    flags::Flags,
    install, modules,
    report::{Outcome, Report},
    shell::{root, target},
};

/// The version of everything in the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    let only = flags.take("only");
    flags.finish()?;
    let platforms = Platform::select(only.as_deref())?;
    steps(report, &platforms);
    Ok(())
}

/// What was built and found good.
#[derive(Debug)]
struct Built {
    product: Product,
    platform: &'static Platform,
    path: PathBuf,
}

fn steps(report: &mut Report, platforms: &[&'static Platform]) {
    if !report.step("tools", || tools::install().map(|()| Outcome::Done)) {
        return;
    }
    let mut built = Vec::new();
    let mut wanted = 0;
    for &platform in platforms {
        let addin = platform.addin.is_some().then_some(Product::Addin);
        let cli = platform.has_cli.then_some(Product::Cli);
        for product in addin.into_iter().chain(cli) {
            wanted += 1;
            let step = format!("{} {}", platform.name, product.file(platform));
            report.step(&step, || {
                let path = make(product, platform)?;
                let size = fs::metadata(&path).map_or(0, |metadata| metadata.len());
                built.push(Built {
                    product,
                    platform,
                    path,
                });
                Ok(Outcome::DoneWith(bytes(size)))
            });
        }
    }
    if built.len() == wanted {
        report.step("bundle", || bundle(platforms, &built));
    }
}

/// Builds one file and inspects it.
pub(crate) fn make(product: Product, platform: &Platform) -> Result<PathBuf, Failure> {
    let path = build::build(product, platform)?;
    inspect::inspect(product, platform, &path)?;
    Ok(path)
}

/// Fills `target/dist` anew.
fn bundle(platforms: &[&'static Platform], built: &[Built]) -> Result<Outcome, Failure> {
    let folder = target().join("dist");
    let parts = target().join("cross/parts");
    for folder in [&folder, &parts] {
        if folder.exists() {
            fs::remove_dir_all(folder)
                .map_err(|error| format!("cannot empty {}: {error}", folder.display()))?;
        }
        install::create(folder)?;
    }
    let (text, crates) = licences::collect(platforms)?;
    let licences = parts.join("LICENSES.txt");
    write(&licences, &text)?;

    let pages = manual::write(&parts.join("manual"))?;

    let mut sizes = vec![format!("licences of {crates} crates")];
    let mut addin = Vec::new();
    for Built {
        product,
        platform,
        path,
    } in built
    {
        match (product, &platform.addin) {
            (Product::Addin, Some(names)) => {
                addin.push(Entry::new(bundle::library_name(names), path));
            }
            _ => {
                let name = format!("ws-{VERSION}-{}.zip", platform.name);
                let mut entries = vec![
                    Entry::program(product.file(platform), path),
                    Entry::new("LICENSES.txt", &licences),
                    Entry::new("README.md", root().join("ws-cli/README.md")),
                ];
                entries.extend(pages.iter().map(|(name, path)| Entry::new(name, path)));
                let size = bundle::zip(&folder.join(&name), &entries)?;
                sizes.push(format!("{name} {}", bytes(size)));
            }
        }
    }
    if !addin.is_empty() {
        let manifest = parts.join("MANIFEST.XML");
        write(&manifest, &bundle::manifest(platforms))?;
        addin.push(Entry::new("MANIFEST.XML", manifest));
        addin.push(Entry::new("LICENSES.txt", &licences));
        for (name, size) in packages(&folder, &parts, &addin)? {
            sizes.push(format!("{name} {}", bytes(size)));
        }
    }
    let files = bundle::sums(&folder)?;
    sizes.push(format!("{files} files"));
    Ok(Outcome::DoneWith(sizes.join(", ")))
}

/// The add-in's archive, and what 1C and OneScript get with it; names and sizes.
fn packages(folder: &Path, parts: &Path, addin: &[Entry]) -> Result<Vec<(String, u64)>, Failure> {
    let attach_name = modules::attach_name();
    let archive = folder.join(&attach_name).with_extension("zip");
    let mut made = vec![(format!("{attach_name}.zip"), bundle::zip(&archive, addin)?)];

    let install = parts.join("INSTALL.md");
    let page = include_str!("install.md").replace("{{attach_name}}", &attach_name);
    write(&install, &page.replace("{{version}}", VERSION))?;
    let ours = root().join("ws-ffi");
    let configuration = [
        Entry::new("INSTALL.md", install),
        Entry::new("OPI_WebSocket.bsl", ours.join("module/OPI_WebSocket.bsl")),
        Entry::new("README.md", ours.join("README.md")),
        Entry::new("README.ru.md", ours.join("README.ru.md")),
        Entry::new(
            "shim/OPI_AddIns.bsl",
            ours.join("module/shim/OPI_AddIns.bsl"),
        ),
        Entry::new(format!("{attach_name}.zip"), &archive),
    ];
    // A configuration extension as the Designer dumps one; and the package that OneScript's loader finds by its folder.
    let (extension, onescript) = (parts.join("extension"), parts.join("ws"));
    modules::write_extension(&extension, &archive)?;
    modules::write_onescript_package(&onescript, &archive)?;
    for (name, entries) in [
        ("1c", Vec::from(configuration)),
        ("1c-extension", entries_below(&extension, "")?),
        ("onescript", entries_below(&onescript, "ws/")?),
    ] {
        let name = format!("ws-{name}-{VERSION}.zip");
        let size = bundle::zip(&folder.join(&name), &entries)?;
        made.push((name, size));
    }
    Ok(made)
}

fn entries_below(folder: &Path, prefix: &str) -> Result<Vec<Entry>, Failure> {
    let files = bundle::files_below(folder)?;
    let entry = |file: String| Entry::new(format!("{prefix}{file}"), folder.join(file));
    Ok(files.into_iter().map(entry).collect())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// A size with its thousands set apart.
fn bytes(size: u64) -> String {
    let digits = size.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_thousands_apart() {
        assert_eq!(bytes(7), "7 bytes");
        assert_eq!(bytes(1_234), "1,234 bytes");
        assert_eq!(bytes(123_456_789), "123,456,789 bytes");
    }
}
