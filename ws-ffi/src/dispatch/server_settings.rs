//! What StartServer's Settings may say: the names are those of the project's data file `settings.json`.
//!
//! Invariant: every name in the file is read here, which a test sees to; any other is an error.

use std::fs::File;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value as Json;
use ws_core::extension::DeflateConfig;
use ws_core::handshake::{HostRule, OriginRule, PeerText, Policy};
use ws_core::tls::{Certificates, ClientCertificates, Identity, ServerTls, TlsConfigError};
use ws_core::{KeepaliveConfig, Limits};
use ws_server::contract::ServerSettings;
use ws_server::mailbox::MailboxConfig;
use ws_server::{Auth, Config, ForwardedHeader, TrustedProxies};

use super::abort::{Abort, Gone};
use super::arguments::Arguments;
use super::compression::compression;
use super::settings::{Settings, check_is_file, place};
use super::value::Value;
use crate::error::Failure;

/// The names of all settings.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let json: Json = serde_json::from_str(include_str!("../../settings.json")).unwrap_or_default();
    let entries = json["server"].as_array().into_iter().flatten();
    let names = entries.filter_map(|entry| entry["name"].as_str());
    names.map(str::to_owned).collect()
});

/// What StartServer's argument `index` asks for.
pub(super) fn server(
    arguments: &Arguments<'_>,
    index: usize,
    abort: &Abort,
) -> Result<ServerSettings, Failure> {
    let mut server = ServerSettings::default();
    let Some(value) = arguments.settings(index)? else {
        return Ok(server);
    };
    let names: Vec<&str> = NAMES.iter().map(String::as_str).collect();
    let settings = Settings::new(place(arguments, index), &value, &names)?;
    if let Some(address) = settings.text("address")? {
        server.address = resolve(&settings, address, abort)?;
    }
    let config = limits(&settings, server.mailbox.server.clone())?;
    let config = times(&settings, config)?;
    let config = access(&settings, config)?;
    let config = proxies(&settings, config)?;
    let config = config.compression(compression(&settings, DeflateConfig::shared)?);
    server.mailbox = mailbox(&settings, server.mailbox)?.server(config);
    Ok(server)
}

/// A name is looked up here, where a resolver that hangs harms nobody.
fn resolve(settings: &Settings<'_>, address: &str, abort: &Abort) -> Result<String, Failure> {
    let address = address.trim();
    let bare = address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let bare = bare.unwrap_or(address);
    if address.is_empty() || address.starts_with("unix:") || bare.parse::<IpAddr>().is_ok() {
        return Ok(bare.to_owned());
    }
    // Resolvers take a bare number for an address.
    if bare.contains([':', '/', ' ']) || bare.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(settings.unusable(
            "address",
            "an IP address or a host name; the port is the parameter Port",
        ));
    }
    let name = bare.to_owned();
    let found = abort.run("ws-lookup", LOOKUP_TIMEOUT, move || {
        (name.as_str(), 0).to_socket_addrs().map(Vec::from_iter)
    });
    let shown = PeerText::new(bare);
    let failed = |why: &str| {
        Failure::new(
            "resolve",
            format!("cannot listen at {shown}: {why}; give an IP address of this machine"),
        )
    };
    match found {
        Ok(Ok(mut addresses)) => {
            // "localhost" is where most clients look first.
            addresses.sort_by_key(SocketAddr::is_ipv6);
            let first = addresses
                .first()
                .ok_or_else(|| failed("the name has no address"))?;
            Ok(first.ip().to_string())
        }
        Ok(Err(error)) => Err(failed(&format!("the name has no address ({error})"))),
        Err(Gone::TimedOut) => Err(failed("looking the name up takes too long")),
        Err(Gone::Aborted) => Err(Failure::new("not_started", "the server was destroyed")),
        Err(Gone::Failed) => Err(Failure::new("internal", "no thread can be started")),
    }
}

fn limits(settings: &Settings<'_>, mut config: Config) -> Result<Config, Failure> {
    let mut limits: Limits = config.limits.clone();
    if let Some(bytes) = settings.size("max_message_bytes")? {
        limits = limits.max_message_bytes(bytes);
    }
    if let Some(fragments) = settings.count("max_fragments", 1, u32::MAX.into())? {
        limits = limits.max_fragments(u32::try_from(fragments).unwrap_or(u32::MAX));
    }
    config = config.limits(limits);
    if let Some(bytes) = settings.size("send_queue_bytes")? {
        // The marks must not lie above.
        let high = config.high_water_bytes.min(bytes);
        let low = config.low_water_bytes.min(high / 4);
        config = config
            .send_queue_bytes(bytes)
            .high_water_bytes(high)
            .low_water_bytes(low);
    }
    if let Some(bytes) = settings.size("memory_bytes")? {
        config = config.memory_bytes(bytes);
    }
    if let Some(count) = settings.size("max_unfinished")? {
        config = config.max_unfinished(Some(count));
    }
    if let Some(count) = settings.count("workers", 1, 1024)? {
        config = config.workers(usize::try_from(count).unwrap_or(1));
    }
    Ok(config)
}

fn times(settings: &Settings<'_>, mut config: Config) -> Result<Config, Failure> {
    if let Some(time) = settings.millis("handshake_timeout", 1)? {
        config = config.handshake_timeout(time);
    }
    if let Some(time) = settings.millis("close_timeout", 1)? {
        config = config.close_timeout(time);
    }
    if let Some(time) = settings.millis("write_stall_timeout", 1)? {
        config = config.write_stall_timeout(time);
    }
    if let Some(time) = settings.millis("idle_timeout", 0)? {
        config = config.idle_timeout(Some(time).filter(|time| !time.is_zero()));
    }
    let mut keepalive = KeepaliveConfig::default();
    if let Some(time) = settings.millis("keepalive_interval", 0)? {
        keepalive = keepalive.interval(Some(time).filter(|time| !time.is_zero()));
    }
    if let Some(time) = settings.millis("keepalive_timeout", 1)? {
        keepalive = keepalive.timeout(time);
    }
    Ok(config.keepalive(keepalive))
}

fn access(settings: &Settings<'_>, mut config: Config) -> Result<Config, Failure> {
    if let Some(tls) = tls(settings)? {
        config = config.tls(tls);
    }
    let mut policy: Policy = config.policy.clone();
    if let Some(origins) = settings.list("origins")? {
        policy = policy.origins(match origins.as_slice() {
            ["*"] => OriginRule::Any,
            ["same"] => OriginRule::SameHost,
            list => OriginRule::List(owned(list)),
        });
    }
    if let Some(hosts) = settings.list("hosts")? {
        policy = policy.hosts(match hosts.as_slice() {
            ["*"] => HostRule::Any,
            ["loopback"] => HostRule::GuardLoopback,
            list => HostRule::List(owned(list)),
        });
    }
    config = config.policy(policy);
    let tokens = settings.list("tokens")?;
    let users = settings.get("users");
    let parameter = settings.text("token_parameter")?;
    if tokens.is_some() || users.is_some() || parameter.is_some() {
        let mut auth = Auth::new();
        for token in tokens.unwrap_or_default() {
            auth = auth.token(token);
        }
        for (name, password) in logins(settings, users)? {
            auth = auth.user(name, password);
        }
        if let Some(name) = parameter {
            auth = auth.query_parameter(name);
        }
        config = config.auth(auth);
    }
    if let Some(paths) = settings.list("paths")? {
        config = config.paths(paths);
    }
    if let Some(names) = settings.list("subprotocols")? {
        config = config.subprotocols(names);
    }
    if let Some(health) = settings.boolean("health")? {
        config = config.health(health);
    }
    Ok(config)
}

fn logins<'a>(
    settings: &Settings<'_>,
    users: Option<&'a Value>,
) -> Result<Vec<(&'a str, &'a str)>, Failure> {
    const WANTED: &str = "a Map of names and passwords, both Strings";
    match users {
        None => Ok(Vec::new()),
        Some(Value::Map(users)) => users
            .iter()
            .map(|(name, password)| {
                let password = password.as_text().filter(|_| !name.contains(':'));
                let password = password.ok_or_else(|| settings.unusable("users", WANTED))?;
                Ok((name.as_str(), password))
            })
            .collect(),
        Some(_) => Err(settings.unusable("users", WANTED)),
    }
}

fn tls(settings: &Settings<'_>) -> Result<Option<ServerTls>, Failure> {
    let [chain, key, clients] = [
        settings.text("tls_cert_path")?,
        settings.text("tls_key_path")?,
        settings.text("tls_client_ca_path")?,
    ];
    let (chain, key) = match (chain, key) {
        (Some(chain), Some(key)) => (chain, key),
        (None, None) if clients.is_none() => return Ok(None),
        _ => {
            return Err(Failure::usage(
                "StartServer: Settings: TLS needs both tls_cert_path and tls_key_path",
            ));
        }
    };
    let identity = Identity::from_pem(&read(chain)?, &read(key)?).map_err(|error| {
        let is_about_key = matches!(error, TlsConfigError::NoPrivateKey);
        unusable(if is_about_key { key } else { chain }, &error)
    })?;
    let clients = match clients {
        None => ClientCertificates::Ignored,
        Some(path) => ClientCertificates::Required(
            Certificates::from_pem(&read(path)?).map_err(|error| unusable(path, &error))?,
        ),
    };
    let tls = ServerTls::new(&[identity], &clients);
    tls.map(Some)
        .map_err(|error| Failure::usage(format!("StartServer: TLS cannot be used: {error}")))
}

fn unusable(path: &str, error: &TlsConfigError) -> Failure {
    Failure::usage(format!(
        "StartServer: cannot use {}: {error}; give a file in PEM format",
        PeerText::new(path)
    ))
}

/// Reads a certificate or key, which is small and in a real file.
fn read(path: &str) -> Result<Vec<u8>, Failure> {
    check_is_file("StartServer: Settings", "the path", path)?;
    let read = || {
        let mut bytes = Vec::new();
        let file = File::open(path)?;
        file.take(MAX_PEM_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error: std::io::Error| {
        Failure::usage(format!(
            "StartServer: cannot read {}: {error}; give a PEM file that can be read",
            PeerText::new(path)
        ))
    })
}

fn proxies(settings: &Settings<'_>, config: Config) -> Result<Config, Failure> {
    let addresses = settings.list("trusted_proxies")?;
    let protocol = settings.boolean("proxy_protocol")?.unwrap_or(false);
    let header = settings.text("forwarded_header")?;
    let Some(addresses) = addresses else {
        if protocol || header.is_some() {
            return Err(Failure::usage(
                "StartServer: Settings: proxy_protocol and forwarded_header need trusted_proxies",
            ));
        }
        return Ok(config);
    };
    let mut proxies = TrustedProxies::new(addresses)?;
    if protocol {
        proxies = proxies.proxy_protocol();
    }
    if let Some(header) = header {
        proxies = proxies.forwarded_header(match header.to_ascii_lowercase().as_str() {
            "x-forwarded-for" => ForwardedHeader::XForwardedFor,
            "forwarded" => ForwardedHeader::Forwarded,
            _ => return Err(settings.unusable("forwarded_header", "X-Forwarded-For or Forwarded")),
        });
    }
    Ok(config.trusted_proxies(proxies))
}

fn mailbox(settings: &Settings<'_>, mut mailbox: MailboxConfig) -> Result<MailboxConfig, Failure> {
    if let Some(count) = settings.size("max_queued_messages")? {
        mailbox = mailbox.max_queued_messages(count);
    }
    if let Some(bytes) = settings.size("max_queued_bytes")? {
        mailbox = mailbox.max_queued_bytes(bytes);
    }
    if let Some(bytes) = settings.size("max_queued_bytes_in_all")? {
        mailbox = mailbox.max_queued_bytes_in_all(bytes);
    }
    if let Some(names) = settings.list("request_headers")? {
        mailbox = mailbox.kept_headers(names);
    }
    if let Some(on) = settings.boolean("open_notices")? {
        mailbox = mailbox.open_notices(on);
    }
    if let Some(on) = settings.boolean("close_notices")? {
        mailbox = mailbox.close_notices(on);
    }
    Ok(mailbox)
}

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|&entry| entry.to_owned()).collect()
}

/// A resolver's own patience is 10 to 40 s.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
/// Far beyond any chain of certificates.
const MAX_PEM_BYTES: u64 = 4 << 20;
