//! What the settings of either side say about compression.

use ws_core::extension::DeflateConfig;

use super::settings::Settings;
use super::value::Value;
use crate::error::Failure;

/// The names, which are the same for a client and a server.
pub(super) const KEYS: [&str; 3] = ["compression", "compression_threshold", "compression_level"];

/// What is asked for; `usual` is what `true` stands for. `None` unless it is asked for.
pub(super) fn compression(
    settings: &Settings<'_>,
    usual: fn() -> DeflateConfig,
) -> Result<Option<DeflateConfig>, Failure> {
    let config = match settings.get("compression") {
        None | Some(Value::Boolean(false)) => None,
        Some(Value::Boolean(true)) => Some(usual()),
        Some(Value::Text(word)) => match word.trim().to_ascii_lowercase().as_str() {
            "off" => None,
            "shared" => Some(DeflateConfig::shared()),
            "dedicated" => Some(DeflateConfig::dedicated()),
            _ => return Err(settings.unusable("compression", WANTED)),
        },
        Some(_) => return Err(settings.unusable("compression", WANTED)),
    };
    let threshold = settings.count("compression_threshold", 0, u16::MAX.into())?;
    let level = settings.count("compression_level", 1, 9)?;
    Ok(config.map(|mut config| {
        if let Some(bytes) = threshold.and_then(|bytes| u16::try_from(bytes).ok()) {
            config = config.threshold(bytes);
        }
        if let Some(level) = level.and_then(|level| u8::try_from(level).ok()) {
            config = config.level(level);
        }
        config
    }))
}

const WANTED: &str = "shared, dedicated or off, or a Boolean";
