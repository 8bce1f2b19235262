//! The two classes and what they offer, made from the contract's table.

use std::sync::LazyLock;

use super::Given;
use crate::dispatch::{self, Default, Function, Returns, Value};
use crate::names::Names;

/// Which class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClassName {
    Client,
    Server,
}

impl ClassName {
    pub(crate) const ALL: [Self; 2] = [Self::Client, Self::Server];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "Client",
            Self::Server => "Server",
        }
    }

    /// What the class offers; made once.
    pub(crate) fn class(self) -> &'static Class {
        static CLIENT: LazyLock<Class> = LazyLock::new(|| Class::new(ClassName::Client));
        static SERVER: LazyLock<Class> = LazyLock::new(|| Class::new(ClassName::Server));
        match self {
            Self::Client => &CLIENT,
            Self::Server => &SERVER,
        }
    }

    fn offers(self, function: &Function) -> bool {
        match function.class {
            dispatch::Class::Client => self == Self::Client,
            dispatch::Class::Server => self == Self::Server,
            dispatch::Class::Both => true,
            // No object crosses, so there is nothing to ask Is…Object about; a server takes no TLS or proxy settings.
            dispatch::Class::None => {
                function.returns != Returns::Boolean
                    && (self == Self::Client
                        || !["GetTlsSettings", "GetProxySettings"].contains(&function.english))
            }
        }
    }
}

/// Methods and properties of a class; the host knows them by their positions.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) name: ClassName,
    pub(crate) methods: Vec<Method>,
    pub(crate) method_names: Names,
    pub(crate) properties: Vec<Property>,
    pub(crate) property_names: Names,
}

/// A method; all are functions.
#[derive(Debug)]
pub(crate) struct Method {
    pub(crate) english: &'static str,
    pub(crate) russian: &'static str,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) action: Action,
}

/// A parameter of a method.
#[derive(Debug, PartialEq)]
pub(crate) struct Parameter {
    /// What the host passes if the script passes nothing; Undefined if it has to pass something.
    pub(crate) default: Value,
    /// The default means Undefined, for which hosts have no word.
    pub(crate) is_sentinel: bool,
}

/// What a method does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    /// A function of the contract.
    Function(&'static Function),
    /// One that receives; its result's payload is taken by another call.
    Receive(&'static Function),
    TakeText,
    TakeData,
    SetEvents,
}

/// A property.
#[derive(Debug)]
pub(crate) struct Property {
    pub(crate) english: &'static str,
    pub(crate) russian: &'static str,
    pub(crate) is_writable: bool,
    pub(crate) kind: PropertyKind,
}

/// What a property is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PropertyKind {
    LastError,
    ThrowErrors,
}

impl Class {
    fn new(name: ClassName) -> Self {
        let functions = dispatch::functions().iter();
        let mut methods: Vec<_> = functions
            .filter(|function| name.offers(function))
            .map(Method::of)
            .collect();
        methods.extend(own_methods());
        let properties = Vec::from(properties());
        let method_names = methods
            .iter()
            .map(|method| (method.english, method.russian));
        let property_names = properties
            .iter()
            .map(|property| (property.english, property.russian));
        Self {
            name,
            method_names: Names::new(method_names),
            property_names: Names::new(property_names),
            methods,
            properties,
        }
    }
}

impl Method {
    fn of(function: &'static Function) -> Self {
        let action = match function.english {
            "GetMessage" | "GetNextConnectionData" | "GetConnectionData" => {
                Action::Receive(function)
            }
            _ => Action::Function(function),
        };
        Self {
            english: function.english,
            russian: function.russian,
            parameters: function.arguments().map(Parameter::of).collect(),
            action,
        }
    }

    fn own(
        english: &'static str,
        russian: &'static str,
        action: Action,
        defaults: Vec<Value>,
    ) -> Self {
        let parameter = |default| Parameter {
            default,
            is_sentinel: false,
        };
        Self {
            english,
            russian,
            parameters: defaults.into_iter().map(parameter).collect(),
            action,
        }
    }
}

impl Parameter {
    fn of(parameter: &dispatch::Parameter) -> Self {
        let default = match parameter.default {
            Default::Mandatory => Value::Undefined,
            Default::Undefined if parameter.types.starts_with("Number") => Value::Number(-1.0),
            Default::Undefined => Value::Text(String::new()),
            Default::Boolean(value) => Value::Boolean(value),
            Default::Number(number) => Value::Number(number),
            Default::Text(text) => Value::Text(text.to_owned()),
        };
        Self {
            default,
            is_sentinel: parameter.default == Default::Undefined,
        }
    }
}

impl Parameter {
    /// The default as it crosses; Undefined if there is none.
    pub(crate) fn default(&self) -> Given<'_> {
        match &self.default {
            Value::Boolean(is_true) => Given::Boolean(*is_true),
            Value::Number(number) => Given::Number(*number),
            Value::Text(text) => Given::Text(text),
            _ => Given::Undefined,
        }
    }

    /// Makes an argument that stands for Undefined Undefined.
    pub(crate) fn undo_sentinel(&self, argument: &mut Value) {
        let is_sentinel = match argument {
            Value::Text(text) => text.is_empty(),
            Value::Number(number) => *number == -1.0,
            _ => false,
        };
        if self.is_sentinel && is_sentinel {
            *argument = Value::Undefined;
        }
    }
}

/// The methods that only the add-in has, because payloads cross by themselves.
fn own_methods() -> [Method; 3] {
    let events = vec![
        Value::Boolean(true),
        Value::Text(String::from(EVENT_SOURCE)),
        Value::Number(EVENT_DEPTH),
    ];
    [
        Method::own("TakeText", "ЗабратьТекст", Action::TakeText, Vec::new()),
        Method::own("TakeData", "ЗабратьДанные", Action::TakeData, Vec::new()),
        Method::own("SetEvents", "УстановитьСобытия", Action::SetEvents, events),
    ]
}

fn properties() -> [Property; 2] {
    [
        Property {
            english: "LastError",
            russian: "ПоследняяОшибка",
            is_writable: false,
            kind: PropertyKind::LastError,
        },
        Property {
            english: "ThrowErrors",
            russian: "ВызыватьИсключения",
            is_writable: true,
            kind: PropertyKind::ThrowErrors,
        },
    ]
}

/// The source of events unless the script names another.
pub(super) const EVENT_SOURCE: &str = "WebSocket";
/// How many events may wait for the script unless it says otherwise.
pub(super) const EVENT_DEPTH: f64 = 100.0;
