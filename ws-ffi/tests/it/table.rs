//! The data file against the contract's table, and names as people type them.

use ws_ffi::dispatch::{Class, Default, Returns, find, functions};

/// The contract's table: both names, and `name/имя=default` for each parameter; `!` is mandatory.
const CONTRACT: [(&str, &str, &str, Returns); 20] = [
    (
        "CreateConnection",
        "ОткрытьСоединение",
        "Address/Адрес=! Tls/Tls=Undefined Proxy/Прокси=Undefined Headers/Заголовки=Undefined Logging/Логирование=Undefined Settings/Настройки=Undefined",
        Returns::ObjectOrMap,
    ),
    (
        "CloseConnection",
        "ЗакрытьСоединение",
        "Connection/Соединение=! Code/Код=1000 Reason/Причина=\"\"",
        Returns::Structure,
    ),
    (
        "SendPing",
        "ОтправитьПинг",
        "Connection/Соединение=!",
        Returns::Map,
    ),
    (
        "SendPong",
        "ОтправитьПонг",
        "Connection/Соединение=!",
        Returns::Map,
    ),
    (
        "GetMessage",
        "ПолучитьСообщение",
        "Connection/Соединение=! Timeout/Таймаут=10000",
        Returns::Map,
    ),
    (
        "SendTextMessage",
        "ОтправитьТекстовоеСообщение",
        "Connection/Соединение=! Text/Текст=! FromFile/ИзФайла=false",
        Returns::Map,
    ),
    (
        "SendBinaryMessage",
        "ОтправитьДвоичноеСообщение",
        "Connection/Соединение=! Data/Данные=!",
        Returns::Map,
    ),
    (
        "GetTlsSettings",
        "ПолучитьНастройкиTls",
        "DisableCertVerification/ОтключитьПроверкуСертификатов=! CertFilepath/ПутьКСертификату=\"\"",
        Returns::Structure,
    ),
    (
        "GetProxySettings",
        "ПолучитьНастройкиПрокси",
        "Address/Адрес=! Port/Порт=! View/Вид=\"socks5\" Login/Логин=Undefined Password/Пароль=Undefined",
        Returns::Structure,
    ),
    (
        "IsClientObject",
        "ЭтоОбъектКлиента",
        "Value/Значение=!",
        Returns::Boolean,
    ),
    (
        "StartServer",
        "ЗапуститьСервер",
        "Port/Порт=! PoolSize/РазмерПула=100 Logging/Логирование=Undefined Settings/Настройки=Undefined",
        Returns::ObjectOrStructure,
    ),
    (
        "StopServer",
        "ОстановитьСервер",
        "ServerObject/ОбъектСервера=!",
        Returns::Map,
    ),
    (
        "GetNextConnectionData",
        "ПолучитьДанныеОчередногоСоединения",
        "ServerObject/ОбъектСервера=! Timeout/Таймаут=1000 MaxSize/МаксимальныйРазмер=Undefined",
        Returns::Map,
    ),
    (
        "GetConnectionData",
        "ПолучитьДанныеСоединения",
        "ServerObject/ОбъектСервера=! ConnectionID/IDСоединения=! Timeout/Таймаут=1000 MaxSize/МаксимальныйРазмер=Undefined",
        Returns::Map,
    ),
    (
        "SendData",
        "ОтправитьДанные",
        "ServerObject/ОбъектСервера=! ConnectionID/IDСоединения=! Data/Данные=! FromFile/ИзФайла=false MessageType/ТипСообщения=Undefined",
        Returns::Map,
    ),
    (
        "CloseIncomingConnection",
        "ЗакрытьВходящееСоединение",
        "ServerObject/ОбъектСервера=! ConnectionID/IDСоединения=! RemoveImmediately/УдалятьСразу=true Code/Код=1000 Reason/Причина=\"\"",
        Returns::Map,
    ),
    (
        "GetConnectionList",
        "ПолучитьСписокСоединений",
        "ServerObject/ОбъектСервера=!",
        Returns::Map,
    ),
    (
        "IsServerObject",
        "ЭтоОбъектСервера",
        "Value/Значение=!",
        Returns::Boolean,
    ),
    (
        "GetLoggingSettings",
        "ПолучитьНастройкиЛогирования",
        "WriteToMemory/ЗаписьВПамять=true MaxEvents/МаксимумСобытий=300 FilePath/ПутьКФайлу=\"\"",
        Returns::Structure,
    ),
    (
        "GetLog",
        "ПолучитьЛог",
        "AddInObject/ОбъектКомпоненты=! AsString/КакСтрока=false EventCount/ЧислоСобытий=100",
        Returns::MapOrText,
    ),
];

#[test]
fn the_table_is_the_contracts() {
    let table = functions();
    assert_eq!(
        table.iter().filter(|function| !function.is_extra).count(),
        CONTRACT.len()
    );
    for ((function, number), (english, russian, parameters, returns)) in
        table.iter().zip(1..).zip(CONTRACT)
    {
        assert_eq!((function.english, function.russian), (english, russian));
        assert_eq!(
            (function.number, function.returns),
            (number, returns),
            "{english}"
        );
        let own = function.parameters.iter().map(|parameter| {
            let default = match parameter.default {
                Default::Mandatory => String::from("!"),
                Default::Undefined => String::from("Undefined"),
                Default::Boolean(value) => value.to_string(),
                Default::Number(number) => number.to_string(),
                Default::Text(text) => format!("{text:?}"),
            };
            format!("{}/{}={default}", parameter.english, parameter.russian)
        });
        assert_eq!(own.collect::<Vec<_>>().join(" "), parameters, "{english}");
    }
}

#[test]
fn every_entry_is_complete_and_its_object_comes_first() {
    for (function, number) in functions().iter().zip(1..) {
        let name = function.english;
        assert_eq!(function.number, number, "{name}");
        assert!(
            !function.description.is_empty() && !function.description_russian.is_empty(),
            "{name}"
        );
        // Nothing makes an object but the functions that start one.
        let has_object = function
            .parameters
            .iter()
            .any(|parameter| parameter.is_object);
        let starts = matches!(name, "CreateConnection" | "StartServer");
        assert_eq!(
            has_object,
            function.class != Class::None && !starts,
            "{name}"
        );
        for (index, parameter) in function.parameters.iter().enumerate() {
            assert!(!parameter.is_object || index == 0, "{name}");
            for text in [
                parameter.english,
                parameter.russian,
                parameter.types,
                parameter.description,
                parameter.description_russian,
            ] {
                assert!(!text.is_empty(), "{name}: {}", parameter.english);
            }
        }
    }
}

#[test]
fn names_are_found_in_both_languages_and_any_case() {
    for function in functions() {
        for name in [function.english, function.russian] {
            let mixed: String = name
                .chars()
                .enumerate()
                .flat_map(|(index, c)| match index % 2 {
                    0 => c.to_lowercase().collect::<Vec<_>>(),
                    _ => c.to_uppercase().collect(),
                })
                .collect();
            for written in [
                name.to_owned(),
                name.to_lowercase(),
                name.to_uppercase(),
                mixed,
            ] {
                let found = find(&written).map(|function| function.number);
                assert_eq!(found, Some(function.number), "{written}");
            }
        }
        for (index, parameter) in function.arguments().enumerate() {
            for name in [parameter.english, parameter.russian] {
                assert_eq!(
                    function.argument(&name.to_uppercase()),
                    Some(index),
                    "{name}"
                );
            }
        }
        assert_eq!(function.argument("Соединения"), None);
    }
    for unknown in ["", "Create", "CreateConnection ", "ОткрытьСоединениe"] {
        assert!(find(unknown).is_none(), "{unknown}");
    }
}
