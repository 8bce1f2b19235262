//! What a world is like: how many live in it, and how its server is configured.

use std::{sync::Arc, time::Duration};

use ws_core::{
    KeepaliveConfig, Limits,
    extension::DeflateConfig,
    tls::{Certificates, ClientCertificates, ClientTls, Identity, ServerTls},
};

use super::{dice::Dice, rare::Rare};
use crate::{Config, TrustedProxies};

/// What a world is like.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) config: Arc<Config>,
    pub(crate) has_epoll: bool,
    /// Clients at the same time.
    pub(crate) population: usize,
    /// Some messages are long, and the budget of memory is short.
    pub(crate) is_heavy: bool,
    /// A balancer's header comes first.
    pub(crate) has_proxy: bool,
    /// Few connections, or few handshakes, are admitted.
    pub(crate) is_crowded: bool,
    pub(crate) tls: Option<(ServerTls, ClientTls)>,
    /// Milliseconds between two orders, at most.
    pub(crate) order_gap: usize,
    /// The server is stopped in the middle of everything.
    pub(crate) stops_early: bool,
}

impl Profile {
    pub(crate) fn plain() -> Self {
        Self {
            config: Arc::new(Config::default()),
            has_epoll: true,
            population: 0,
            is_heavy: false,
            has_proxy: false,
            is_crowded: false,
            tls: None,
            order_gap: 0,
            stops_early: false,
        }
    }

    /// One that has what the rare pair needs, whatever is drawn.
    pub(crate) fn drawn(dice: &mut Dice, rare: Option<Rare>) -> Self {
        let mut profile = Self {
            has_epoll: dice.one_in(2),
            population: dice.within(3, 7),
            is_heavy: dice.one_in(6),
            has_proxy: dice.one_in(8) | rare.is_some_and(Rare::needs_proxy),
            is_crowded: dice.one_in(8),
            // Tickets and sessions of one world must not reach the next.
            tls: (dice.one_in(10) | rare.is_some_and(Rare::needs_tls)).then(tls),
            order_gap: dice.pick(&[5, 50, 500, 2000]),
            stops_early: dice.one_in(2),
            ..Self::plain()
        };
        profile.config = Arc::new(profile.draw_config(dice));
        profile
    }

    /// Small marks and short times, so that every one of them is passed often.
    fn draw_config(&self, dice: &mut Dice) -> Config {
        let compression = match dice.below(8) {
            0 => Some(DeflateConfig::shared()),
            1 => Some(DeflateConfig::compact()),
            2 if dice.one_in(4) => Some(DeflateConfig::dedicated()),
            _ => None,
        };
        let keepalive = KeepaliveConfig::default()
            .interval(Some(dice.millis(1000, 25_000)))
            .timeout(dice.millis(1000, 20_000));
        let mut config = Config::default()
            .turn_bytes(1024 << dice.below(5))
            .high_water_bytes(4096)
            .low_water_bytes(1024)
            .send_queue_bytes(dice.pick(&[8 << 10, 80_000]))
            .limits(Limits::default().max_message_bytes(MAX_MESSAGE_BYTES))
            .keepalive(keepalive)
            .idle_timeout(dice.one_in(4).then(|| dice.millis(2000, 30_000)))
            .handshake_timeout(dice.millis(1000, 10_000))
            .close_timeout(dice.millis(500, 5000))
            .linger_timeout(dice.millis(200, 2000))
            .linger_bytes(1 << dice.within(10, 16))
            .write_stall_timeout(dice.millis(1000, 30_000))
            .compression(compression);
        if self.is_heavy {
            config = config.memory_bytes(BUDGET_BYTES);
        }
        if self.is_crowded {
            config = match dice.one_in(2) {
                true => config.max_connections(2),
                false => config.max_unfinished(Some(2)),
            };
        }
        if self.has_proxy {
            let proxies = TrustedProxies::new(["127.0.0.1"]).unwrap();
            config = config.trusted_proxies(proxies.proxy_protocol());
        }
        config
    }

    /// How long anything may last once nothing disturbs it any more.
    pub(crate) fn patience(&self) -> Duration {
        let config = &self.config;
        let silence = config.keepalive.interval.unwrap_or_default() + config.keepalive.timeout;
        config.handshake_timeout
            + silence
            + config.write_stall_timeout
            + config.close_timeout
            + config.linger_timeout
            + Duration::from_secs(60)
    }
}

/// A certificate for `localhost`, and who trusts it. Its kind makes every signature as long as any other, so that a
/// world with TLS can be repeated.
pub(crate) fn tls() -> (ServerTls, ClientTls) {
    let (chain, key) = &*PEM;
    let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    let server = ServerTls::new(&[identity], &ClientCertificates::Ignored).unwrap();
    let roots = Certificates::from_pem(chain.as_bytes()).unwrap();
    (server, ClientTls::new(&roots, None).unwrap())
}

static PEM: std::sync::LazyLock<(String, String)> = std::sync::LazyLock::new(|| {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.serial_number = Some(rcgen::SerialNumber::from(7u64));
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
});

pub(crate) const MAX_MESSAGE_BYTES: usize = 256 << 10;
/// The budget of memory in heavy worlds.
const BUDGET_BYTES: usize = 90_000;
