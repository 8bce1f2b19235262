//! A configuration extension in the form in which 1C dumps one to files: the common module and the add-in's template.
//!
//! No 1C has loaded it here: the form follows dumps that 1C has written, and the tests check that the parts fit.

use std::{fmt::Write as _, fs, path::Path};

use super::{FOLDER, attach_name, write_file};
use crate::Failure;

/// Writes the dump into `folder`; `addin` is the add-in's archive with its manifest.
pub(crate) fn write(folder: &Path, addin: &Path) -> Result<(), Failure> {
    for (path, text) in files()? {
        write_file(&folder.join(path), text.as_bytes())?;
    }
    let archive = fs::read(addin);
    let archive = archive.map_err(|error| format!("cannot read {}: {error}", addin.display()))?;
    let template = format!("CommonTemplates/{}/Ext/Template.bin", attach_name());
    write_file(&folder.join(template), &archive)
}

/// All but the archive.
fn files() -> Result<Vec<(String, String)>, Failure> {
    let template = attach_name();
    // 1C writes modules with a byte order mark and Windows' line ends, and reads them in any case.
    let module = super::read(&format!("{FOLDER}/OPI_WebSocket.bsl"))?;
    let module = format!("\u{feff}{}", module.replace('\n', "\r\n"));
    Ok(vec![
        ("Configuration.xml".to_owned(), configuration(&template)),
        ("Languages/Русский.xml".to_owned(), language()),
        (
            format!("CommonModules/{MODULE}.xml"),
            document("CommonModule", MODULE_ID, COMMON_MODULE),
        ),
        (format!("CommonModules/{MODULE}/Ext/Module.bsl"), module),
        (
            format!("CommonTemplates/{template}.xml"),
            document(
                "CommonTemplate",
                TEMPLATE_ID,
                &format!(
                    "<Properties><Name>{template}</Name>{}<Comment/><TemplateType>AddIn</TemplateType></Properties>",
                    synonym("Компонента WebSocket")
                ),
            ),
        ),
    ])
}

fn configuration(template: &str) -> String {
    let mut contained = String::new();
    for (class, object) in CONTAINED {
        let _ = write!(
            contained,
            "<xr:ContainedObject><xr:ClassId>{class}</xr:ClassId><xr:ObjectId>{object}</xr:ObjectId></xr:ContainedObject>"
        );
    }
    let version = env!("CARGO_PKG_VERSION");
    document(
        "Configuration",
        CONFIGURATION_ID,
        &format!(
            "<InternalInfo>{contained}</InternalInfo>\
             <Properties>\
             <ObjectBelonging>Adopted</ObjectBelonging><Name>WebSocket</Name>{}<Comment/>\
             <ConfigurationExtensionPurpose>AddOn</ConfigurationExtensionPurpose>\
             <KeepMappingToExtendedConfigurationObjectsByIDs>false</KeepMappingToExtendedConfigurationObjectsByIDs>\
             <NamePrefix/>\
             <ConfigurationExtensionCompatibilityMode>Version8_3_14</ConfigurationExtensionCompatibilityMode>\
             <DefaultRunMode>ManagedApplication</DefaultRunMode>\
             <UsePurposes><v8:Value xsi:type=\"app:ApplicationUsePurpose\">PlatformApplication</v8:Value></UsePurposes>\
             <ScriptVariant>Russian</ScriptVariant><DefaultRoles/><Vendor/><Version>{version}</Version>\
             <DefaultLanguage>Language.Русский</DefaultLanguage>\
             <BriefInformation/><DetailedInformation/><Copyright/><VendorInformationAddress/>\
             <ConfigurationInformationAddress/><InterfaceCompatibilityMode>Taxi</InterfaceCompatibilityMode>\
             </Properties>\
             <ChildObjects><Language>Русский</Language><CommonModule>{MODULE}</CommonModule>\
             <CommonTemplate>{template}</CommonTemplate></ChildObjects>",
            synonym("Клиент и сервер WebSocket")
        ),
    )
}

fn language() -> String {
    document(
        "Language",
        LANGUAGE_ID,
        "<InternalInfo/><Properties><ObjectBelonging>Adopted</ObjectBelonging><Name>Русский</Name><Comment/>\
         <ExtendedConfigurationObject>00000000-0000-0000-0000-000000000000</ExtendedConfigurationObject>\
         <LanguageCode>ru</LanguageCode></Properties>",
    )
}

fn synonym(text: &str) -> String {
    format!(
        "<Synonym><v8:item><v8:lang>ru</v8:lang><v8:content>{text}</v8:content></v8:item></Synonym>"
    )
}

/// A metadata object's file.
fn document(kind: &str, id: &str, content: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <MetaDataObject xmlns=\"http://v8.1c.ru/8.3/MDClasses\" \
         xmlns:app=\"http://v8.1c.ru/8.2/managed-application/core\" \
         xmlns:v8=\"http://v8.1c.ru/8.1/data/core\" \
         xmlns:xr=\"http://v8.1c.ru/8.3/xcf/readable\" \
         xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" version=\"2.16\">\n\
         <{kind} uuid=\"{id}\">{}</{kind}>\n</MetaDataObject>\n",
        content.replace("><", ">\n<")
    )
}

const MODULE: &str = "OPI_WebSocket";
const COMMON_MODULE: &str = "<Properties><Name>OPI_WebSocket</Name><Synonym/><Comment/><Global>false</Global>\
    <ClientManagedApplication>true</ClientManagedApplication><Server>true</Server>\
    <ExternalConnection>true</ExternalConnection><ClientOrdinaryApplication>true</ClientOrdinaryApplication>\
    <ServerCall>false</ServerCall><Privileged>false</Privileged>\
    <ReturnValuesReuse>DontUse</ReturnValuesReuse></Properties>";
const CONFIGURATION_ID: &str = "b5a1c1c4-6d2c-4c0f-9d5e-2f4f4f0f7a11";
const LANGUAGE_ID: &str = "0f0a6e2b-98f2-4b1a-8a0c-6a8f5f3f2b52";
const MODULE_ID: &str = "7c1d9f0e-3b64-4a57-8f7a-d2a9c5e01b93";
const TEMPLATE_ID: &str = "e2f7b3a8-5c19-4d86-b0e4-91c6d7f8a2d4";
/// The parts every configuration has, by 1C's ids of their classes.
const CONTAINED: [(&str, &str); 7] = [
    (
        "9cd510cd-abfc-11d4-9434-004095e12fc7",
        "1b7c5e04-8a3e-4d19-9c70-5e2b0d6fa101",
    ),
    (
        "9fcd25a0-4822-11d4-9414-008048da11f9",
        "1b7c5e04-8a3e-4d19-9c70-5e2b0d6fa102",
    ),
    (
        "e3687481-0a87-462c-a166-9f34594f9bba",
        "1b7c5e04-8a3e-4d19-9c70-5e2b0d6fa103",
    ),
    (
        "9de14907-ec23-4a07-96f0-85521cb6b53b",
        "1b7c5e04-8a3e-4d19-9c70-5e2b0d6fa104",
    ),
    (
        "51f2d5d8-ea4d-4064-8892-82951750031e",
        "1b7c5e04-8a3e-4d19-9c70-5e2b0d6fa105",
    ),
    (
        "e68182ea-4237-4383-967f-90c1e3370bc7",
        "1b7c5e04-8a3e-4d19-9c70-5e2b0d6fa106",
    ),
    (
        "fb282519-d103-4dd3-bc12-cb271d631dfc",
        "1b7c5e04-8a3e-4d19-9c70-5e2b0d6fa107",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_configuration_lists_is_there_under_its_name() {
        let files = files().unwrap();
        let text = |path: &str| {
            let file = files.iter().find(|(name, _)| name == path);
            file.map_or_else(|| panic!("{path} is missing"), |(_, text)| text.as_str())
        };
        let configuration = text("Configuration.xml");
        for (kind, folder, name) in [
            ("Language", "Languages", "Русский".to_owned()),
            ("CommonModule", "CommonModules", MODULE.to_owned()),
            ("CommonTemplate", "CommonTemplates", attach_name()),
        ] {
            assert!(configuration.contains(&format!("<{kind}>{name}</{kind}>")));
            let own = text(&format!("{folder}/{name}.xml"));
            assert!(own.contains(&format!("<Name>{name}</Name>")), "{own}");
            assert!(own.contains(&format!("<{kind} uuid=")), "{own}");
        }
        // The module looks for the add-in where the template is.
        let module = text(&format!("CommonModules/{MODULE}/Ext/Module.bsl"));
        assert!(module.contains("\"ОбщийМакет.\" + ИмяПодключения()"));
        assert!(module.contains(&format!("Возврат \"{}\"", attach_name())));
    }

    #[test]
    fn elements_are_closed_in_order() {
        for (path, text) in files().unwrap() {
            if !path.ends_with(".xml") {
                continue;
            }
            let mut open = Vec::new();
            for tag in text.split('<').skip(2) {
                let (tag, _) = tag.split_once('>').unwrap();
                let name = tag.trim_matches('/').split(' ').next().unwrap();
                if tag.starts_with('/') {
                    assert_eq!(open.pop(), Some(name), "{path}");
                } else if !tag.ends_with('/') {
                    open.push(name);
                }
            }
            assert!(open.is_empty(), "{path}: {open:?}");
        }
    }
}
