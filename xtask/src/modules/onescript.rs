//! The OneScript package: the module, the add-in's archive beside it, and what the package loader reads.

use std::{
    env::consts,
    fs,
    path::{Path, PathBuf},
};

use super::{FOLDER, fill, write_file};
use crate::{
    Failure,
    shell::{Run, root},
};

/// The add-in's archive inside the package.
pub(super) const ARCHIVE: &str = "addin.zip";

/// Writes the package into `folder`, which is called `ws`; `addin` is the add-in's archive with its manifest.
///
/// The module stands in the package's root, where a loader without `lib.config` finds it as well.
pub(crate) fn write(folder: &Path, addin: &Path) -> Result<(), Failure> {
    let module = super::read(&format!("{FOLDER}/OPI_WebSocket.os"))?;
    write_file(&folder.join("OPI_WebSocket.os"), module.as_bytes())?;
    for (file, text) in [("lib.config", LIB_CONFIG), ("packagedef", PACKAGE)] {
        write_file(&folder.join(file), fill(text).as_bytes())?;
    }
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        copy(&root().join(licence), &folder.join(licence))?;
    }
    copy(addin, &folder.join(ARCHIVE))
}

/// Packs `library`, which was built for this machine, as an add-in's archive for this machine alone; returns its path.
pub(crate) fn archive_of_one(folder: &Path, library: &Path) -> Result<PathBuf, Failure> {
    let name = library.file_name().unwrap_or_default().to_string_lossy();
    let os = if consts::OS == "windows" {
        "Windows"
    } else {
        "Linux"
    };
    let manifest = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <bundle xmlns=\"http://v8.1c.ru/8.2/addin/bundle\" name=\"WS\">\n\
         <component os=\"{os}\" path=\"{name}\" type=\"native\" arch=\"{}\"/>\n</bundle>\n",
        consts::ARCH
    );
    let manifest_path = folder.join("MANIFEST.XML");
    write_file(&manifest_path, manifest.as_bytes())?;
    let archive = folder.join("one.zip");
    Run::new("python3")
        .args(["-m", "zipfile", "-c"])
        .args([&archive, &manifest_path])
        .args([library])
        .run()?;
    Ok(archive)
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let copied = fs::copy(from, to);
    copied.map(|_| ()).map_err(|error| {
        format!(
            "cannot copy {} to {}: {error}",
            from.display(),
            to.display()
        )
    })
}

const LIB_CONFIG: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<package-def xmlns="http://oscript.io/schemas/lib-config/1.0">
    <module name="OPI_WebSocket" file="OPI_WebSocket.os"/>
</package-def>
"#;

const PACKAGE: &str = r#"Описание
    .Имя("ws")
    .Версия("{{version}}")
    .Описание("Клиент и сервер WebSocket")
    .ВерсияСреды("1.9.0")
    .ВключитьФайл("OPI_WebSocket.os")
    .ВключитьФайл("lib.config")
    .ВключитьФайл("{{archive}}")
    .ВключитьФайл("LICENSE-MIT")
    .ВключитьФайл("LICENSE-APACHE")
;
"#;
