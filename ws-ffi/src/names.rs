//! Names as scripts write them: English or Russian, in any case.

use std::collections::HashMap;

/// `name` in the form in which names are compared: lower case, also of Cyrillic letters.
pub(crate) fn fold(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// Positions by name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    positions: HashMap<String, usize>,
}

impl Names {
    /// Takes pairs of an English and a Russian name; the position of a pair is that of both its names.
    pub(crate) fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let positions = pairs
            .into_iter()
            .enumerate()
            .flat_map(|(at, (english, russian))| [(fold(english), at), (fold(russian), at)])
            .collect();
        Self { positions }
    }

    /// The position of the name that is written in these UTF-16 code units.
    pub(crate) fn find(&self, units: &[u16]) -> Option<usize> {
        let mut folded = String::with_capacity(2 * units.len());
        for unit in char::decode_utf16(units.iter().copied()) {
            folded.extend(unit.ok()?.to_lowercase());
        }
        self.positions.get(folded.as_str()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &Names, name: &str) -> Option<usize> {
        names.find(&name.encode_utf16().collect::<Vec<_>>())
    }

    #[test]
    fn finds_both_names_in_any_case() {
        let names = Names::new([("SendPing", "ОтправитьПинг"), ("GetLog", "ПолучитьЛог")]);
        for name in [
            "SendPing",
            "sendping",
            "SENDPING",
            "ОтправитьПинг",
            "отправитьпинг",
            "ОТПРАВИТЬПИНГ",
        ] {
            assert_eq!(find(&names, name), Some(0), "{name}");
        }
        assert_eq!(find(&names, "пОЛУЧИТЬлОГ"), Some(1));
    }

    #[test]
    fn finds_nothing_else() {
        let names = Names::new([("SendPing", "ОтправитьПинг")]);
        for name in ["", "SendPin", "SendPings", "Send Ping", "SendPing\u{0}"] {
            assert_eq!(find(&names, name), None, "{name:?}");
        }
        assert_eq!(names.find(&[0xD800]), None);
    }
}
