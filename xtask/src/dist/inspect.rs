//! What a built file must be: its exports, what it asks of the system, and what it must not tell of this machine.

use std::{collections::BTreeSet, fs, path::Path};

use super::{
    build::Product,
    platform::{GLIBC, Linker, Platform},
    tools,
};
use crate::{Failure, shell::Run};

/// What 1C looks for in an add-in, and all that one may export.
const EXPORTS: [&str; 5] = [
    "DestroyObject",
    "GetAttachType",
    "GetClassNames",
    "GetClassObject",
    "SetPlatformCapabilities",
];

/// Libraries that belong to glibc itself. The compiler's own (libgcc_s) is linked in.
const GLIBC_LIBRARIES: [&str; 8] = [
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "ld-linux.so.2",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
];

/// Libraries that every Windows from 10 on has; written small.
const WINDOWS_LIBRARIES: [&str; 16] = [
    "advapi32.dll",
    "api-ms-win-core-synch-l1-2-0.dll",
    "bcrypt.dll",
    "bcryptprimitives.dll",
    "crypt32.dll",
    // With shell32 and user32 for the clipboard, which the prompt of ws pastes from.
    "gdi32.dll",
    "iphlpapi.dll",
    "kernel32.dll",
    "msvcrt.dll",
    "ncrypt.dll",
    "ntdll.dll",
    "secur32.dll",
    "shell32.dll",
    "user32.dll",
    "userenv.dll",
    "ws2_32.dll",
];

/// Fails with all that is wrong with `file`.
pub(crate) fn inspect(product: Product, platform: &Platform, file: &Path) -> Result<(), Failure> {
    let bytes =
        fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let mut problems = match platform.linker {
        Linker::Mingw(prefix) => {
            let listing = Run::new(format!("{prefix}-objdump"))
                .args([Path::new("-p"), file])
                .read()?;
            let mut problems = windows_problems(product, &listing);
            if !contains(&bytes, &utf16("FileVersion")) || !contains(&bytes, &utf16(super::VERSION))
            {
                problems.push("no version resource".to_owned());
            }
            problems
        }
        Linker::ZigGlibc | Linker::ZigMusl => {
            let read = |what: &str| {
                Run::new("readelf")
                    .args([Path::new("-W"), Path::new(what), file])
                    .read()
            };
            let (symbols, dynamic) = (read("--dyn-syms")?, read("-d")?);
            let mut problems = linux_problems(product, platform.linker, &symbols, &dynamic);
            if platform.linker == Linker::ZigMusl && read("-l")?.contains("INTERP") {
                problems.push("asks for a dynamic loader".to_owned());
            }
            problems
        }
    };
    problems.extend(places(&bytes)?);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(format!("{}: {}", file.display(), problems.join("; ")))
    }
}

fn linux_problems(product: Product, linker: Linker, symbols: &str, dynamic: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if product == Product::Addin {
        problems.extend(export_problem(&elf_exports(symbols)));
        if !dynamic
            .lines()
            .any(|line| line.contains("FLAGS_1") && line.contains("NODELETE"))
        {
            problems.push("is not marked NODELETE: dlclose would unmap running threads".to_owned());
        }
    }
    for library in elf_libraries(dynamic) {
        if linker == Linker::ZigMusl || !GLIBC_LIBRARIES.contains(&library) {
            problems.push(format!("needs {library}"));
        }
    }
    for version in elf_glibc_versions(symbols) {
        if is_newer(version, GLIBC) {
            problems.push(format!("needs glibc {version}"));
        }
    }
    problems
}

fn windows_problems(product: Product, listing: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let exports = pe_exports(listing);
    match product {
        Product::Addin => problems.extend(export_problem(&exports)),
        Product::Cli if !exports.is_empty() => problems.push(format!("exports {exports:?}")),
        Product::Cli => {}
    }
    let libraries = pe_libraries(listing);
    if libraries.is_empty() {
        problems.push("imports nothing: the listing was not understood".to_owned());
    }
    for library in libraries {
        if !WINDOWS_LIBRARIES.contains(&library.as_str()) {
            problems.push(format!("needs {library}"));
        }
    }
    problems
}

fn export_problem(exports: &BTreeSet<&str>) -> Option<String> {
    let expected: BTreeSet<_> = EXPORTS.into_iter().collect();
    (*exports != expected).then(|| format!("exports {exports:?} and not {expected:?}"))
}

/// The names that `readelf --dyn-syms` shows as defined. Columns: number, value, size, type, binding, visibility,
/// section, name.
fn elf_exports(symbols: &str) -> BTreeSet<&str> {
    let defined = |line: &'_ str| {
        let words: Vec<_> = line.split_whitespace().collect();
        matches!(words[..], [number, _, _, _, "GLOBAL" | "WEAK" | "UNIQUE", _, section, _, ..]
            if number.ends_with(':') && section != "UND")
    };
    symbols
        .lines()
        .filter(|line| defined(line))
        .filter_map(|line| line.split_whitespace().nth(7))
        .collect()
}

/// The glibc versions that symbols of `readelf --dyn-syms` are bound to.
fn elf_glibc_versions(symbols: &str) -> BTreeSet<&str> {
    symbols
        .split("@GLIBC_")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| c.is_whitespace()).next())
        .collect()
}

/// The libraries that `readelf -d` shows as needed.
fn elf_libraries(dynamic: &str) -> impl Iterator<Item = &str> {
    dynamic
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| line.split(['[', ']']).nth(1))
}

/// The names in `objdump -p`'s export table.
fn pe_exports(listing: &str) -> BTreeSet<&str> {
    let Some((_, table)) = listing.split_once("[Ordinal/Name Pointer] Table") else {
        return BTreeSet::new();
    };
    table
        .lines()
        .skip(1)
        .take_while(|line| line.trim_start().starts_with('['))
        .filter_map(|line| line.split_whitespace().last())
        .collect()
}

/// The libraries that `objdump -p` shows as imported, written small.
fn pe_libraries(listing: &str) -> BTreeSet<String> {
    listing
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("DLL Name: "))
        .map(|name| name.trim().to_lowercase())
        .collect()
}

/// Compares versions number by number; words such as PRIVATE count as newer.
fn is_newer(version: &str, limit: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> {
        text.split('.')
            .map(|part| part.parse().unwrap_or(u32::MAX))
            .collect()
    };
    numbers(version) > numbers(limit)
}

/// Folders of this machine that stand in a file.
fn places(bytes: &[u8]) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    for (folder, _) in tools::folders()? {
        let folder = format!("{}/", folder.display());
        if contains(bytes, folder.as_bytes()) {
            problems.push(format!("tells of the folder {folder}"));
        }
    }
    Ok(problems)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests;
