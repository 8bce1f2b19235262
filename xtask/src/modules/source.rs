//! The text of the modules: documented signatures from the table, bodies from the templates.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    FOLDER, fill,
    table::{Default, Function, Language, Parameter, Table},
};
use crate::Failure;

/// Which platform a module is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// 1C:Enterprise.
    Enterprise,
    OneScript,
}

/// The whole module.
pub(super) fn module(table: &Table, dialect: Dialect) -> Result<String, Failure> {
    let mut bodies = bodies(&super::read(&format!("{FOLDER}/functions.bsl"))?)?;
    let mut out = header(dialect);
    out.push_str("#Область ПрограммныйИнтерфейс\n\n");
    for function in &table.functions {
        let name = function.names.of(Language::English);
        let body = bodies
            .remove(name)
            .ok_or_else(|| format!("{FOLDER}/functions.bsl has no body of {name}"))?;
        write_function(&mut out, function, Language::Russian, &body);
        write_function(
            &mut out,
            function,
            Language::English,
            &call(function, None, Language::Russian),
        );
    }
    if let Some(name) = bodies.keys().next() {
        return Err(format!(
            "{FOLDER}/functions.bsl has a body of {name}, which no table has"
        ));
    }
    out.push_str("#КонецОбласти\n\n#Область СлужебныеПроцедурыИФункции\n\n");
    let own = match dialect {
        Dialect::Enterprise => "private_1c.bsl",
        Dialect::OneScript => "private_onescript.bsl",
    };
    for template in [own, "private.bsl"] {
        out.push_str(fill(&super::read(&format!("{FOLDER}/{template}"))?).trim_end());
        out.push_str("\n\n");
    }
    out.push_str("#КонецОбласти\n");
    Ok(out)
}

/// The module that gives code of the older product the four functions it calls there.
pub(super) fn shim(table: &Table) -> Result<String, Failure> {
    let mut out = String::from(
        "// Необязательный модуль для кода, который вызывает OPI_AddIns или OPI_Компоненты: создайте общий модуль с тем\n\
         // из этих имён, которое вызывается. Рядом с прежним продуктом его ставить нельзя.\n\
         //\n\
         // Сделан командой cargo xtask modules; не правьте его здесь.\n\n\
         #Область ПрограммныйИнтерфейс\n\n",
    );
    for name in SHIM {
        let function = table
            .functions
            .iter()
            .find(|function| function.names.of(Language::English) == name)
            .ok_or_else(|| format!("the table has no {name}"))?;
        for language in [Language::Russian, Language::English] {
            let body = call(function, Some("OPI_WebSocket"), language);
            write_function(&mut out, function, language, &body);
        }
    }
    out.push_str("#КонецОбласти\n");
    Ok(out)
}

const SHIM: [&str; 4] = [
    "GetTlsSettings",
    "GetProxySettings",
    "GetLoggingSettings",
    "GetLog",
];

fn header(dialect: Dialect) -> String {
    let place = match dialect {
        Dialect::Enterprise => {
            "// Общий модуль OPI_WebSocket: клиент и сервер WebSocket. Нужен общий макет {{template}} с архивом компоненты.\n\
             // Флажки модуля: Сервер, Внешнее соединение, при желании Клиент (управляемое приложение); без вызова сервера."
        }
        Dialect::OneScript => {
            "// Модуль OPI_WebSocket пакета ws: клиент и сервер WebSocket. Архив компоненты {{archive}} лежит рядом."
        }
    };
    fill(&format!(
        "{place}\n//\n\
         // Исключений функции не вызывают: о неудаче говорят result, error и errorCode в результате.\n\
         // Версия {{{{version}}}}. Сделан командой cargo xtask modules; не правьте его здесь.\n\n"
    ))
}

/// Splits the template at its `//! Name` lines.
fn bodies(template: &str) -> Result<BTreeMap<String, String>, Failure> {
    let mut bodies = BTreeMap::new();
    for section in template.split("//! ").skip(1) {
        let (name, body) = section.split_once('\n').unwrap_or((section, ""));
        if bodies
            .insert(name.trim().to_owned(), body.trim_end().to_owned())
            .is_some()
        {
            return Err(format!("{FOLDER}/functions.bsl has {name} twice"));
        }
    }
    Ok(bodies)
}

/// A body that calls the function of the same meaning by its name in `language`.
fn call(function: &Function, module: Option<&str>, language: Language) -> String {
    // The arguments are the parameters of the function around it, which has the other language's names if it stands
    // in the same module.
    let names = if module.is_some() {
        language
    } else {
        Language::English
    };
    let arguments: Vec<_> = function
        .parameters
        .iter()
        .map(|parameter| parameter.names.of(names))
        .collect();
    format!(
        "    Возврат {}{}({});",
        module.map_or_else(String::new, |module| format!("{module}.")),
        function.names.of(language),
        arguments.join(", ")
    )
}

fn write_function(out: &mut String, function: &Function, language: Language, body: &str) {
    write_comment(out, function, language);
    let parameters: Vec<_> = function
        .parameters
        .iter()
        .map(|parameter| {
            let default = parameter.default.as_ref().map(default_text);
            format!(
                "Знач {}{}",
                parameter.names.of(language),
                default.map_or_else(String::new, |default| format!(" = {default}"))
            )
        })
        .collect();
    let _ = write!(
        out,
        "Функция {}({}) Экспорт\n{body}\nКонецФункции\n\n",
        function.names.of(language),
        parameters.join(", ")
    );
}

fn write_comment(out: &mut String, function: &Function, language: Language) {
    let _ = writeln!(out, "// {}\n//", function.description.of(language));
    if !function.parameters.is_empty() {
        let _ = writeln!(out, "// {}:", language.pick("Parameters", "Параметры"));
        for parameter in &function.parameters {
            let _ = writeln!(
                out,
                "//  {} - {} - {}",
                parameter.names.of(language),
                types(parameter, language).join(", "),
                parameter.description.of(language)
            );
        }
        out.push_str("//\n");
    }
    let _ = writeln!(
        out,
        "// {}:\n//  {}\n//",
        language.pick("Returns", "Возвращаемое значение"),
        returns(&function.returns, language)
    );
}

/// What a parameter may be, in the words of the platform.
pub(super) fn types(parameter: &Parameter, language: Language) -> Vec<String> {
    let mut types: Vec<_> = parameter
        .types
        .iter()
        .map(|word| type_word(word, language))
        .collect();
    if matches!(parameter.default, Some(Default::Undefined)) {
        types.push(language.pick("Undefined", "Неопределено"));
    }
    types.into_iter().map(str::to_owned).collect()
}

/// What a function answers, in the words of the platform.
pub(super) fn returns(returns: &str, language: Language) -> String {
    match returns {
        "object or Map" => language
            .pick(
                "AddIn - the connection; Map with result, error and errorCode - on failure",
                "ВнешняяКомпонента - соединение; Соответствие с result, error и errorCode - при неудаче",
            )
            .to_owned(),
        "object or Structure" => language
            .pick(
                "AddIn - the server; Structure with result, error and errorCode - on failure",
                "ВнешняяКомпонента - сервер; Структура с result, error и errorCode - при неудаче",
            )
            .to_owned(),
        "Map or String" => language
            .pick(
                "Map - with logs, returned and total; String - if AsString",
                "Соответствие - с logs, returned и total; Строка - если КакСтрока",
            )
            .to_owned(),
        "Map" => language
            .pick(
                "Map - with result; on failure with error and errorCode",
                "Соответствие - с result; при неудаче с error и errorCode",
            )
            .to_owned(),
        word => type_word(word, language).to_owned(),
    }
}

fn type_word(english: &str, language: Language) -> &str {
    let russian = match english {
        "Any" => "Произвольный",
        "Array" => "Массив",
        "BinaryData" => "ДвоичныеДанные",
        "Boolean" => "Булево",
        "Date" => "Дата",
        "Map" => "Соответствие",
        "Number" => "Число",
        "Object" => "ВнешняяКомпонента",
        "String" => "Строка",
        "Structure" => "Структура",
        other => other,
    };
    let english = match english {
        "Any" => "Arbitrary",
        "Object" => "AddIn",
        other => other,
    };
    language.pick(english, russian)
}

/// A default in a signature.
pub(super) fn default_text(default: &Default) -> String {
    match default {
        Default::Undefined => "Неопределено".to_owned(),
        Default::Boolean(true) => "Истина".to_owned(),
        Default::Boolean(false) => "Ложь".to_owned(),
        Default::Number(number) => number.clone(),
        Default::Text(text) => format!("\"{}\"", text.replace('"', "\"\"")),
    }
}
