//! The 1C and OneScript modules, read by a parser we did not write and compared with the contract's data file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tree_sitter::{Node, Parser};

/// A function as its signature has it.
#[derive(Debug, PartialEq)]
struct Signature {
    name: String,
    is_exported: bool,
    /// By value, name, default.
    parameters: Vec<(bool, String, Option<String>)>,
}

struct Module {
    text: String,
    tree: tree_sitter::Tree,
}

impl Module {
    fn read(path: &str) -> Self {
        let text = fs::read_to_string(folder().join(path)).unwrap();
        let mut parser = Parser::new();
        parser
            .set_language(&tree_sitter_bsl::LANGUAGE.into())
            .unwrap();
        let tree = parser.parse(&text, None).unwrap();
        Self { text, tree }
    }

    fn nodes(&self) -> Vec<Node<'_>> {
        let mut nodes = Vec::new();
        let mut open = vec![self.tree.root_node()];
        while let Some(node) = open.pop() {
            nodes.push(node);
            let mut cursor = node.walk();
            open.extend(node.children(&mut cursor));
        }
        nodes
    }

    fn text(&self, node: Node<'_>) -> String {
        self.text[node.byte_range()].to_owned()
    }

    /// Where the parser found no sense.
    fn errors(&self) -> Vec<String> {
        let nodes = self.nodes().into_iter();
        let errors = nodes.filter(|node| node.is_error() || node.is_missing());
        errors
            .map(|node| {
                format!(
                    "line {}: {}",
                    node.start_position().row + 1,
                    self.text(node)
                )
            })
            .collect()
    }

    fn exported(&self) -> Vec<Signature> {
        let nodes = self.nodes().into_iter();
        let mut functions: Vec<_> = nodes
            .filter(|node| ["function_definition", "procedure_definition"].contains(&node.kind()))
            .collect();
        functions.sort_by_key(Node::start_byte);
        let signatures = functions.into_iter().map(|node| self.signature(node));
        signatures.filter(|function| function.is_exported).collect()
    }

    fn signature(&self, node: Node<'_>) -> Signature {
        let name = node.child_by_field_name("name").unwrap();
        let mut parameters = Vec::new();
        if let Some(list) = node.child_by_field_name("parameters") {
            let mut cursor = list.walk();
            for parameter in list.children_by_field_name("parameter", &mut cursor) {
                parameters.push((
                    parameter.child_by_field_name("val").is_some(),
                    self.text(parameter.child_by_field_name("name").unwrap()),
                    parameter
                        .child_by_field_name("def")
                        .map(|default| self.text(default)),
                ));
            }
        }
        Signature {
            name: self.text(name),
            is_exported: node.child_by_field_name("export").is_some(),
            parameters,
        }
    }

    /// Every identifier of the code that names a module of the older product.
    fn foreign(&self) -> BTreeSet<String> {
        let nodes = self.nodes().into_iter();
        nodes
            .filter(|node| node.kind() == "identifier")
            .map(|node| self.text(node))
            .filter(|name| name.starts_with("OPI_"))
            .collect()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ws-ffi/module")
}

fn table() -> Value {
    let path = folder().join("../methods.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The signatures that the table asks for, in both languages.
fn expected<'a>(functions: impl Iterator<Item = &'a Value>) -> Vec<Signature> {
    let mut signatures = Vec::new();
    for function in functions {
        for language in ["russian", "english"] {
            let parameters = function["parameters"].as_array().unwrap().iter();
            let parameters = parameters.map(|parameter| {
                let name = parameter[language].as_str().unwrap().to_owned();
                (true, name, parameter.get("default").map(written))
            });
            signatures.push(Signature {
                name: function[language].as_str().unwrap().to_owned(),
                is_exported: true,
                parameters: parameters.collect(),
            });
        }
    }
    signatures
}

/// A default as 1C writes it.
fn written(default: &Value) -> String {
    match default {
        Value::Null => "Неопределено".to_owned(),
        Value::Bool(true) => "Истина".to_owned(),
        Value::Bool(false) => "Ложь".to_owned(),
        Value::String(text) => format!("\"{text}\""),
        other => other.to_string(),
    }
}

#[test]
fn modules_have_the_functions_of_the_table_and_no_others() {
    let table = table();
    let contract = table["functions"].as_array().unwrap();
    assert_eq!(contract.len(), 20);
    let extras = table["extras"].as_array().unwrap();
    let expected = expected(contract.iter().chain(extras));
    for path in ["OPI_WebSocket.bsl", "OPI_WebSocket.os"] {
        let module = Module::read(path);
        assert_eq!(module.errors(), [""; 0], "{path}");
        assert_eq!(module.exported(), expected, "{path}");
        let names: BTreeSet<_> = expected.iter().map(|function| &function.name).collect();
        assert_eq!(names.len(), expected.len(), "{path}: a name twice");
    }
}

/// The contract's table by name, so that the data file itself is held to something.
#[test]
fn the_forty_names_are_those_of_the_contract() {
    let english = "CreateConnection CloseConnection SendPing SendPong GetMessage SendTextMessage SendBinaryMessage \
        GetTlsSettings GetProxySettings IsClientObject StartServer StopServer GetNextConnectionData GetConnectionData \
        SendData CloseIncomingConnection GetConnectionList IsServerObject GetLoggingSettings GetLog";
    let russian = "ОткрытьСоединение ЗакрытьСоединение ОтправитьПинг ОтправитьПонг ПолучитьСообщение \
        ОтправитьТекстовоеСообщение ОтправитьДвоичноеСообщение ПолучитьНастройкиTls ПолучитьНастройкиПрокси \
        ЭтоОбъектКлиента ЗапуститьСервер ОстановитьСервер ПолучитьДанныеОчередногоСоединения \
        ПолучитьДанныеСоединения ОтправитьДанные ЗакрытьВходящееСоединение ПолучитьСписокСоединений \
        ЭтоОбъектСервера ПолучитьНастройкиЛогирования ПолучитьЛог";
    let contract: Vec<_> = russian
        .split_whitespace()
        .zip(english.split_whitespace())
        .flat_map(|(russian, english)| [russian, english])
        .collect();
    for path in ["OPI_WebSocket.bsl", "OPI_WebSocket.os"] {
        let exported = Module::read(path).exported();
        let names: Vec<_> = exported
            .iter()
            .map(|function| function.name.as_str())
            .take(40)
            .collect();
        assert_eq!(names, contract, "{path}");
    }
}

#[test]
fn modules_call_no_module_of_the_older_product() {
    for path in ["OPI_WebSocket.bsl", "OPI_WebSocket.os"] {
        assert_eq!(Module::read(path).foreign(), BTreeSet::new(), "{path}");
    }
}

#[test]
fn the_shim_passes_four_functions_on() {
    let shim = Module::read("shim/OPI_AddIns.bsl");
    assert_eq!(shim.errors(), [""; 0]);
    let table = table();
    let functions = table["functions"].as_array().unwrap();
    let passed = [
        "GetTlsSettings",
        "GetProxySettings",
        "GetLoggingSettings",
        "GetLog",
    ]
    .map(|name| {
        let function = functions
            .iter()
            .find(|function| function["english"] == name);
        function.unwrap()
    });
    assert_eq!(shim.exported(), expected(passed.into_iter()));
    assert_eq!(shim.foreign(), BTreeSet::from(["OPI_WebSocket".to_owned()]));
}

/// A parser that takes anything would show nothing.
#[test]
fn the_parser_finds_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.bsl");
    for (from, to) in [
        ("КонецПопытки;", ""),
        ("Тогда", "Потом"),
        (") Экспорт", " Экспорт"),
    ] {
        let text = fs::read_to_string(self::folder().join("OPI_WebSocket.bsl")).unwrap();
        fs::write(&broken, text.replacen(from, to, 1)).unwrap();
        assert_ne!(
            Module::read(broken.to_str().unwrap()).errors(),
            [""; 0],
            "{from}"
        );
    }
}
