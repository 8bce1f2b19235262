//! The contract's one table: what functions there are, read once from the project's data file.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value as Json;

use super::value::Value;

/// A function of the method contract, or an extra one beside it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Function {
    /// Its number in the contract, from 1; extras come behind.
    pub number: u8,
    /// Name in English.
    pub english: &'static str,
    /// Name in Russian.
    pub russian: &'static str,
    /// Whose method it is.
    pub class: Class,
    /// In order, the object included.
    pub parameters: Vec<Parameter>,
    /// What it answers.
    pub returns: Returns,
    /// Not one of the contract's twenty.
    pub is_extra: bool,
    /// One sentence in English.
    pub description: &'static str,
    /// The same in Russian.
    pub description_russian: &'static str,
}

/// A parameter of a [`Function`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Parameter {
    /// Name in English.
    pub english: &'static str,
    /// Name in Russian.
    pub russian: &'static str,
    /// What stands for it where it is missing.
    pub default: Default,
    /// It is the object the function belongs to, and no argument of a method.
    pub is_object: bool,
    /// What it may be, in 1C's English names of types.
    pub types: &'static str,
    /// A few words in English.
    pub description: &'static str,
    /// The same in Russian.
    pub description_russian: &'static str,
}

/// Whose method a function is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two kinds of objects")]
pub enum Class {
    /// A client's.
    Client,
    /// A server's.
    Server,
    /// A client's and a server's.
    Both,
    /// Nobody's: it has no object.
    None,
}

/// What stands for a missing argument.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "these are the defaults that 1C can express"
)]
pub enum Default {
    /// Nothing: it has to be given.
    Mandatory,
    /// Undefined, which the function knows the meaning of.
    Undefined,
    /// This truth.
    Boolean(bool),
    /// This number.
    Number(f64),
    /// This text.
    Text(&'static str),
}

/// What a function answers, by 1C's types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the contract has these")]
pub enum Returns {
    /// An object, or a Map if it fails.
    ObjectOrMap,
    /// An object, or a Structure if it fails.
    ObjectOrStructure,
    /// A Map.
    Map,
    /// A Structure.
    Structure,
    /// A Boolean.
    Boolean,
    /// A Map, or a String if that was asked for.
    MapOrText,
    /// A String.
    Text,
}

impl Function {
    /// Returns the parameters without the object: what a method takes.
    pub fn arguments(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters
            .iter()
            .filter(|parameter| !parameter.is_object)
    }

    /// Returns the position of an argument, the object not counted, by its name in English or Russian, in any case.
    pub fn argument(&self, name: &str) -> Option<usize> {
        let name = name.to_lowercase();
        self.arguments().position(|parameter| {
            [parameter.english, parameter.russian]
                .map(str::to_lowercase)
                .contains(&name)
        })
    }
}

impl Default {
    /// Returns the value that stands for a missing argument; `None` if there is none.
    pub fn value(self) -> Option<Value> {
        Some(match self {
            Self::Mandatory => return None,
            Self::Undefined => Value::Undefined,
            Self::Boolean(value) => Value::Boolean(value),
            Self::Number(number) => Value::Number(number),
            Self::Text(text) => Value::from(text),
        })
    }
}

/// Returns the contract's twenty functions in its order, and the extras behind them.
pub fn functions() -> &'static [Function] {
    &TABLE.functions
}

/// Finds a function by its name in English or Russian, in any case.
pub fn find(name: &str) -> Option<&'static Function> {
    let index = TABLE.names.get(name.to_lowercase().as_str())?;
    TABLE.functions.get(*index)
}

struct Table {
    functions: Vec<Function>,
    /// In lower case.
    names: HashMap<String, usize>,
}

/// Built once: hosts look names up at every call.
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let json: Json = serde_json::from_str(include_str!("../../methods.json")).unwrap_or_default();
    let read = |key: &str, is_extra| {
        let list = json[key].as_array().into_iter().flatten();
        list.map(|json| function(json, is_extra))
            .collect::<Vec<_>>()
    };
    let mut functions = read("functions", false);
    functions.extend(read("extras", true));
    let names = functions.iter().enumerate();
    let names = names
        .flat_map(|(index, function)| {
            [function.english, function.russian].map(|name| (name.to_lowercase(), index))
        })
        .collect();
    Table { functions, names }
});

fn function(json: &Json, is_extra: bool) -> Function {
    let parameters = json["parameters"].as_array().into_iter().flatten();
    Function {
        number: json["number"]
            .as_u64()
            .and_then(|number| number.try_into().ok())
            .unwrap_or(0),
        english: text(&json["english"]),
        russian: text(&json["russian"]),
        class: match json["class"].as_str().unwrap_or_default() {
            "client" => Class::Client,
            "server" => Class::Server,
            "both" => Class::Both,
            _ => Class::None,
        },
        parameters: parameters.map(parameter).collect(),
        returns: match json["returns"].as_str().unwrap_or_default() {
            "object or Map" => Returns::ObjectOrMap,
            "object or Structure" => Returns::ObjectOrStructure,
            "Structure" => Returns::Structure,
            "Boolean" => Returns::Boolean,
            "Map or String" => Returns::MapOrText,
            "String" => Returns::Text,
            _ => Returns::Map,
        },
        is_extra,
        description: text(&json["description"]["english"]),
        description_russian: text(&json["description"]["russian"]),
    }
}

fn parameter(json: &Json) -> Parameter {
    let is_object = json["object"] == true;
    Parameter {
        english: text(&json["english"]),
        russian: text(&json["russian"]),
        default: match json.get("default") {
            None => Default::Mandatory,
            Some(Json::Bool(value)) => Default::Boolean(*value),
            Some(Json::Number(number)) => Default::Number(number.as_f64().unwrap_or(0.0)),
            Some(Json::String(_)) => Default::Text(text(&json["default"])),
            Some(_) => Default::Undefined,
        },
        is_object,
        types: text(&json["type"]),
        description: text(&json["description"]["english"]),
        description_russian: text(&json["description"]["russian"]),
    }
}

/// Lives as long as the table, which is never dropped.
fn text(json: &Json) -> &'static str {
    json.as_str().map_or("", |text| &*text.to_owned().leak())
}
