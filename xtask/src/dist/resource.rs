//! The version resource of Windows files: what Explorer shows under "Details", and what administrators sort by.

use std::{fs, path::PathBuf};

use super::{build::Product, platform::Platform, tools};
use crate::{Failure, install, shell::Run};

/// Compiles the resource to an object for the linker.
pub(crate) fn compile(
    product: Product,
    platform: &Platform,
    prefix: &str,
) -> Result<PathBuf, Failure> {
    let folder = tools::target_folder(platform.toolchain)
        .join("resource")
        .join(platform.triple);
    install::create(&folder)?;
    let name = product.file(platform);
    let script = folder.join(name).with_extension("rc");
    let object = folder.join(name).with_extension("res.o");
    fs::write(&script, text(product, name, super::VERSION)?)
        .map_err(|error| format!("cannot write {}: {error}", script.display()))?;
    Run::new(format!("{prefix}-windres"))
        .args([&script, &object])
        .run()?;
    Ok(object)
}

fn text(product: Product, file: &str, version: &str) -> Result<String, Failure> {
    let numbers = version.split('.').collect::<Vec<_>>();
    let [major, minor, patch] = numbers[..] else {
        return Err(format!("the version {version} has no three numbers"));
    };
    let (description, kind) = match product {
        Product::Addin => ("WebSocket client and server for 1C:Enterprise", "0x2L"),
        Product::Cli => ("WebSocket client and server for the shell", "0x1L"),
    };
    // 0x0409 04B0: English, UTF-16.
    Ok(format!(
        "\
1 VERSIONINFO
FILEVERSION {major},{minor},{patch},0
PRODUCTVERSION {major},{minor},{patch},0
FILEOS 0x40004L
FILETYPE {kind}
BEGIN
  BLOCK \"StringFileInfo\"
  BEGIN
    BLOCK \"040904B0\"
    BEGIN
      VALUE \"FileDescription\", \"{description}\"
      VALUE \"FileVersion\", \"{version}\"
      VALUE \"InternalName\", \"ws\"
      VALUE \"LegalCopyright\", \"MIT OR Apache-2.0\"
      VALUE \"OriginalFilename\", \"{file}\"
      VALUE \"ProductName\", \"ws\"
      VALUE \"ProductVersion\", \"{version}\"
    END
  END
  BLOCK \"VarFileInfo\"
  BEGIN
    VALUE \"Translation\", 0x0409, 0x04B0
  END
END
"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_version_and_kind() {
        let text = text(Product::Addin, "ws_ffi.dll", "1.2.3").unwrap();
        assert!(text.contains("FILEVERSION 1,2,3,0"), "{text}");
        assert!(text.contains("FILETYPE 0x2L"), "{text}");
        assert!(
            text.contains("\"OriginalFilename\", \"ws_ffi.dll\""),
            "{text}"
        );
        assert!(super::text(Product::Cli, "ws.exe", "1.2").is_err());
    }
}
