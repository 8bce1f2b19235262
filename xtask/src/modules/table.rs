//! The contract's data file, as far as the modules need it.

use serde_json::Value;

use crate::Failure;

pub(super) const PATH: &str = "ws-ffi/methods.json";

#[derive(Debug)]
pub(super) struct Table {
    /// In the order of the contract, the extras behind.
    pub(super) functions: Vec<Function>,
}

#[derive(Debug)]
pub(super) struct Function {
    pub(super) names: Words,
    pub(super) class: String,
    pub(super) returns: String,
    pub(super) description: Words,
    pub(super) parameters: Vec<Parameter>,
}

#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) names: Words,
    pub(super) types: Vec<String>,
    /// As it stands in a signature; `None` if the parameter has to be given.
    pub(super) default: Option<Default>,
    pub(super) description: Words,
    pub(super) is_object: bool,
}

#[derive(Debug)]
pub(super) enum Default {
    Undefined,
    Boolean(bool),
    Number(String),
    Text(String),
}

/// The same in English and in Russian.
#[derive(Debug)]
pub(super) struct Words {
    english: String,
    russian: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Russian,
}

impl Words {
    pub(super) fn of(&self, language: Language) -> &str {
        language.pick(&self.english, &self.russian)
    }
}

impl Language {
    pub(super) fn pick<T>(self, english: T, russian: T) -> T {
        match self {
            Self::English => english,
            Self::Russian => russian,
        }
    }
}

impl Table {
    pub(super) fn read() -> Result<Self, Failure> {
        Self::parse(&super::read(PATH)?)
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        let file: Value =
            serde_json::from_str(text).map_err(|error| format!("{PATH} is no JSON: {error}"))?;
        let mut functions = Vec::new();
        for key in ["functions", "extras"] {
            for function in list(&file, key)? {
                functions.push(Function::parse(function)?);
            }
        }
        Ok(Self { functions })
    }
}

impl Function {
    fn parse(function: &Value) -> Result<Self, Failure> {
        let parameters = list(function, "parameters")?.iter().map(Parameter::parse);
        Ok(Self {
            names: words(function)?,
            class: text(function, "class")?,
            returns: text(function, "returns")?,
            description: words(&function["description"])?,
            parameters: parameters.collect::<Result<_, _>>()?,
        })
    }
}

impl Parameter {
    fn parse(parameter: &Value) -> Result<Self, Failure> {
        let default = match parameter.get("default") {
            None => None,
            Some(Value::Null) => Some(Default::Undefined),
            Some(Value::Bool(value)) => Some(Default::Boolean(*value)),
            Some(Value::Number(number)) => Some(Default::Number(number.to_string())),
            Some(Value::String(text)) => Some(Default::Text(text.clone())),
            Some(other) => return Err(format!("{PATH}: {other} cannot be a default")),
        };
        let types = text(parameter, "type")?;
        Ok(Self {
            names: words(parameter)?,
            types: types.split(", ").map(str::to_owned).collect(),
            default,
            description: words(&parameter["description"])?,
            is_object: parameter["object"] == true,
        })
    }
}

fn words(value: &Value) -> Result<Words, Failure> {
    Ok(Words {
        english: text(value, "english")?,
        russian: text(value, "russian")?,
    })
}

fn text(value: &Value, key: &str) -> Result<String, Failure> {
    let text = value[key].as_str().map(str::to_owned);
    text.ok_or_else(|| format!("{PATH}: no text {key} in {value}"))
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a [Value], Failure> {
    let list = value[key].as_array().map(Vec::as_slice);
    list.ok_or_else(|| format!("{PATH}: no list {key} in {value}"))
}
