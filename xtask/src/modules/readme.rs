//! The tables in the add-in's pages that come from the contract's data file.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    source::default_text,
    table::{Default, Function, Language, Parameter, Table},
};
use crate::Failure;

pub(super) const PATHS: [&str; 2] = ["ws-ffi/README.md", "ws-ffi/README.ru.md"];

/// Returns the page with its tables as they are made now.
pub(super) fn with_tables(path: &str, page: &str, table: &Table) -> Result<String, Failure> {
    let language = if path.ends_with(".ru.md") {
        Language::Russian
    } else {
        Language::English
    };
    let mut page = page.to_owned();
    for (name, text) in [
        ("functions", functions(table, language)),
        ("native", native(table, language)),
        ("settings", settings(language)?),
    ] {
        let (start, end) = (
            format!("<!-- made: {name} -->\n"),
            format!("<!-- end: {name} -->"),
        );
        let place = page
            .find(&start)
            .map(|at| at + start.len())
            .and_then(|from| Some((from, from + page[from..].find(&end)?)));
        let (from, to) =
            place.ok_or_else(|| format!("{path} has no place for the table {name}"))?;
        page.replace_range(from..to, &text);
    }
    Ok(page)
}

/// The functions of the modules.
fn functions(table: &Table, language: Language) -> String {
    let mut out = String::from(language.pick(
        "| function | what it does | gives |\n| --- | --- | --- |\n",
        "| функция | что делает | возвращает |\n| --- | --- | --- |\n",
    ));
    for function in &table.functions {
        let other = language.pick(Language::Russian, Language::English);
        let _ = writeln!(
            out,
            "| `{}`<br>`{}` | {} | {} |",
            signature(
                function,
                language,
                function.parameters.iter(),
                |_, default| script_default(default, language)
            ),
            function.names.of(other),
            function.description.of(language),
            gives(&function.returns, language)
        );
    }
    out
}

/// The methods of the add-in's classes that are functions, without their object.
fn native(table: &Table, language: Language) -> String {
    let mut out = String::from(language.pick(
        "| class | method | in Russian |\n| --- | --- | --- |\n",
        "| класс | метод | по-английски |\n| --- | --- | --- |\n",
    ));
    for function in &table.functions {
        let class = match (
            function.class.as_str(),
            function.names.of(Language::English),
        ) {
            ("client", _) | (_, "GetTlsSettings" | "GetProxySettings") => "Client",
            ("server", _) => "Server",
            // No object crosses the boundary, so there is nothing to ask about one.
            (_, "IsClientObject" | "IsServerObject") => continue,
            _ => "Client, Server",
        };
        let other = language.pick(Language::Russian, Language::English);
        let arguments = function
            .parameters
            .iter()
            .filter(|parameter| !parameter.is_object);
        let _ = writeln!(
            out,
            "| {class} | `{}` | `{}` |",
            signature(function, language, arguments, |parameter, default| {
                native_default(parameter, default, language)
            }),
            function.names.of(other)
        );
    }
    out
}

/// Undefined does not cross: an empty string or -1 stands for it.
fn native_default(parameter: &Parameter, default: &Default, language: Language) -> String {
    match default {
        Default::Undefined if parameter.types.iter().any(|kind| kind == "Number") => {
            "-1".to_owned()
        }
        Default::Undefined => "\"\"".to_owned(),
        default => script_default(default, language),
    }
}

fn script_default(default: &Default, language: Language) -> String {
    match (default, language) {
        (Default::Undefined, Language::English) => "Undefined".to_owned(),
        (Default::Boolean(true), Language::English) => "True".to_owned(),
        (Default::Boolean(false), Language::English) => "False".to_owned(),
        (default, _) => default_text(default),
    }
}

/// What StartServer's Settings may say.
fn settings(language: Language) -> Result<String, Failure> {
    let file: Value = serde_json::from_str(&super::read(SETTINGS)?)
        .map_err(|error| format!("{SETTINGS} is no JSON: {error}"))?;
    let mut out = String::from(language.pick(
        "| key | type | default | meaning |\n| --- | --- | --- | --- |\n",
        "| ключ | тип | по умолчанию | смысл |\n| --- | --- | --- | --- |\n",
    ));
    for entry in file["server"].as_array().into_iter().flatten() {
        let text = |key: &str| {
            let text = entry[key].as_str();
            text.ok_or_else(|| format!("{SETTINGS}: no text {key} in {entry}"))
        };
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} |",
            text("name")?,
            setting_word(text("type")?, language),
            setting_word(text("default")?, language),
            text(language.pick("english", "russian"))?
        );
    }
    Ok(out)
}

/// A type or a default of a setting; what is not a word of ours stays as it is.
fn setting_word(english: &str, language: Language) -> &str {
    let russian = match english {
        "String" => "Строка",
        "Number" => "Число",
        "Boolean" => "Булево",
        "String, Boolean" => "Строка или Булево",
        "Array of String, String" => "Массив строк или Строка",
        "Map of String" => "Соответствие строк",
        "True" => "Истина",
        "False" => "Ложь",
        "none" => "нет",
        "no TLS" => "без TLS",
        "no client certificates" => "не требуются",
        "everybody" => "все",
        "every path" => "любые",
        "header only" => "только заголовок",
        "0 (never)" => "0 (никогда)",
        "the larger of 64 and PoolSize" => "большее из 64 и РазмерПула",
        other => other,
    };
    language.pick(english, russian)
}

fn signature<'a>(
    function: &Function,
    language: Language,
    parameters: impl Iterator<Item = &'a Parameter>,
    default: impl Fn(&Parameter, &Default) -> String,
) -> String {
    let parameters: Vec<_> = parameters
        .map(|parameter| {
            let name = parameter.names.of(language);
            match &parameter.default {
                None => name.to_owned(),
                Some(value) => format!("{name} = {}", default(parameter, value)),
            }
        })
        .collect();
    format!("{}({})", function.names.of(language), parameters.join(", "))
}

fn gives(returns: &str, language: Language) -> &str {
    let russian = match returns {
        "object or Map" => "объект; при неудаче Соответствие",
        "object or Structure" => "объект; при неудаче Структура",
        "Map or String" => "Соответствие; Строка, если КакСтрока",
        "Map" => "Соответствие",
        "Structure" => "Структура",
        "Boolean" => "Булево",
        "String" => "Строка",
        other => other,
    };
    let english = match returns {
        "object or Map" => "object; Map on failure",
        "object or Structure" => "object; Structure on failure",
        "Map or String" => "Map; String if AsString",
        other => other,
    };
    language.pick(english, russian)
}

const SETTINGS: &str = "ws-ffi/settings.json";
