//! Records that say little or nothing, by the thousand.

use std::sync::Arc;

use rustls::{
    ClientConfig, ConnectionTrafficSecrets, ContentType, ProtocolVersion, SupportedCipherSuite,
    crypto::cipher::{MessageEncrypter, OutboundChunks, OutboundPlainMessage},
};

use super::{Authority, Link, showing, trusting};
use crate::tls::{ClientTls, Tls};

/// What encrypts the client's records from here on, and the number of the next one.
fn encrypter(client: Tls) -> (Box<dyn MessageEncrypter>, u64) {
    let suite = client.connection.negotiated_cipher_suite();
    let Some(SupportedCipherSuite::Tls13(suite)) = suite else {
        panic!("{suite:?} is not of TLS 1.3");
    };
    let (number, secrets) = client.connection.dangerous_extract_secrets().unwrap().tx;
    let (ConnectionTrafficSecrets::Aes128Gcm { key, iv }
    | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
    | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv }) = secrets
    else {
        panic!("an unknown kind of key");
    };
    (suite.aead_alg.encrypter(key, iv), number)
}

fn record(encrypter: &mut dyn MessageEncrypter, number: u64, payload: &[u8]) -> Vec<u8> {
    let plain = OutboundPlainMessage {
        typ: ContentType::ApplicationData,
        version: ProtocolVersion::TLSv1_2,
        payload: OutboundChunks::Single(payload),
    };
    encrypter.encrypt(plain, number).unwrap().encode()
}

/// Feeds 10,000 records of `payload` to a server; returns how many it took, what came of them, and what it answered.
fn feed(payload: &[u8]) -> (usize, Vec<u8>, Vec<u8>) {
    let authority = Authority::new();
    let server = showing(authority.identity("a.test"));
    let mut config = ClientConfig::clone(trusting(&authority).config());
    config.enable_secret_extraction = true;
    let client = ClientTls::from(Arc::new(config));
    let mut link = Link::new(&client, "a.test", &server, usize::MAX);
    assert_eq!(link.run(), (Ok(()), Ok(())));
    let (mut encrypter, first) = encrypter(link.client);
    let (mut taken, mut plaintext, mut output) = (0, Vec::new(), Vec::new());
    for number in (first..).take(10_000) {
        let record = record(&mut *encrypter, number, payload);
        let received = link.server.receive(&record, &mut plaintext, &mut output);
        assert_eq!(received.err().as_ref(), link.server.failure());
        taken += usize::from(link.server.failure().is_none());
    }
    (taken, plaintext, output)
}

/// of 10,000 records of no bytes 32 are taken, and the failure behind them costs one alert.
#[test]
fn ten_thousand_empty_records_end_in_one_alert() {
    let (taken, plaintext, output) = feed(b"");
    assert!(
        taken <= 32 && plaintext.is_empty(),
        "{taken} of 10,000 empty records were taken, at most 32, and {} bytes came of them",
        plaintext.len()
    );
    assert!(
        output.len() <= 64,
        "{} bytes were answered to 10,000 empty records, at most one alert of 64",
        output.len()
    );
}

/// records of one byte are as good as any.
#[test]
fn ten_thousand_records_of_one_byte_give_ten_thousand_bytes() {
    let (taken, plaintext, output) = feed(b"x");
    assert_eq!(
        (taken, plaintext.len(), output.len()),
        (10_000, 10_000, 0),
        "records taken, bytes that came of them, bytes answered"
    );
}
