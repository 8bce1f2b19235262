//! Which settings can be used, and what is said about those that cannot.

use std::path::PathBuf;

use tempfile::TempDir;

use super::TlsSettings;
use crate::net::mock::service::authority;
use crate::{Client, ConnectRequest, Error, ErrorKind, Stage};

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The same text whatever the folder is called.
    fn shown(&self, error: &Error) -> String {
        let folder = self.0.path().display().to_string();
        let hint = error.hint().unwrap_or_default();
        format!("{error} [{hint}]").replace(&folder, "FOLDER")
    }
}

/// Nothing listens there: an error about files shows that nothing was dialled.
fn connect(settings: TlsSettings) -> Error {
    let request = ConnectRequest::new("wss://127.0.0.1:1/").unwrap();
    Client::connect_with(&request.tls(settings)).unwrap_err()
}

#[test]
fn an_unusable_file_is_named_before_anything_is_dialled() {
    let files = Files::new();
    let (chain, key) = authority().issue("client.test");
    let chain_path = files.write("chain.pem", &chain);
    let key_path = files.write("key.pem", &key);
    let other_key = files.write("other-key.pem", &authority().issue("other.test").1);
    let empty = files.write("empty.pem", "");
    let damaged = files.write(
        "damaged.pem",
        "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
    );
    let missing = files.0.path().join("missing.pem");
    let new = TlsSettings::new;
    let table = [
        new().ca_file(&missing),
        new().ca_file(files.0.path()),
        new().ca_file(&empty),
        new().ca_file(&key_path),
        new().ca_file(&damaged),
        new().client_certificate(&missing, &key_path),
        new().client_certificate(&chain_path, &missing),
        new().client_certificate(&chain_path, &chain_path),
        new().client_certificate(&key_path, &key_path),
        new().client_certificate(&chain_path, &other_key),
        new()
            .danger_accept_invalid_certs(true)
            .client_certificate(&missing, &missing),
    ];
    let texts: String = table
        .into_iter()
        .map(|settings| {
            let error = connect(settings);
            assert_eq!(
                (error.kind(), error.stage()),
                (ErrorKind::Usage, Stage::Tls)
            );
            assert_eq!(error.error_code(), "usage");
            format!("{}\n", files.shown(&error))
        })
        .collect();
    expect_test::expect![[r#"
        cannot connect to wss://127.0.0.1:1: cannot use FOLDER/missing.pem: there is no such file [give a file in PEM format that can be read]
        cannot connect to wss://127.0.0.1:1: cannot use FOLDER: it is a directory [give a file in PEM format that can be read]
        cannot connect to wss://127.0.0.1:1: cannot use FOLDER/empty.pem: no certificate in the PEM text [give a file in PEM format that can be read]
        cannot connect to wss://127.0.0.1:1: cannot use FOLDER/key.pem: no certificate in the PEM text [give a file in PEM format that can be read]
        cannot connect to wss://127.0.0.1:1: cannot use FOLDER/damaged.pem: damaged PEM text: InvalidCharacter(33) [give a file in PEM format that can be read]
        cannot connect to wss://127.0.0.1:1: cannot use FOLDER/missing.pem: there is no such file [give a file in PEM format that can be read]
        cannot connect to wss://127.0.0.1:1: cannot use FOLDER/missing.pem: there is no such file [give a file in PEM format that can be read]
        cannot connect to wss://127.0.0.1:1: cannot use FOLDER/chain.pem: no unencrypted private key in the PEM text [give a file in PEM format that can be read]
        cannot connect to wss://127.0.0.1:1: cannot use FOLDER/key.pem: no certificate in the PEM text [give a file in PEM format that can be read]
        cannot connect to wss://127.0.0.1:1: cannot use FOLDER/chain.pem: the certificate or key cannot be used: keys may not be consistent: KeyMismatch [give a file in PEM format that can be read]
        cannot connect to wss://127.0.0.1:1: cannot use FOLDER/missing.pem: there is no such file [give a file in PEM format that can be read]
    "#]].assert_eq(&texts);
}

#[test]
fn usable_settings_reach_the_dial() {
    let files = Files::new();
    let (chain, key) = authority().issue("client.test");
    let both = files.write("both.pem", &format!("{chain}{key}"));
    let authority = files.write("authority.pem", &authority().pem());
    let missing = files.0.path().join("missing.pem");
    for settings in [
        TlsSettings::new().ca_file(&authority),
        TlsSettings::new()
            .ca_file(&authority)
            .client_certificate(&both, &both),
        // Verification is off: the file of authorities is not even read.
        TlsSettings::new()
            .ca_file(missing)
            .danger_accept_invalid_certs(true),
    ] {
        let error = connect(settings);
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    }
}

#[test]
fn a_proxy_is_verified_whatever_the_target_is() {
    let settings = TlsSettings::new()
        .ca_file("ca.pem")
        .client_certificate("a", "b")
        .danger_accept_invalid_certs(true);
    assert_eq!(settings.for_proxy(), TlsSettings::new().ca_file("ca.pem"));
}

#[test]
fn settings_encrypt_a_ws_address_and_change_its_default_port() {
    let request = |text| ConnectRequest::new(text).unwrap();
    assert!(!request("ws://a").is_secure());
    assert!(request("wss://a").is_secure());
    let encrypted = request("ws://a").tls(TlsSettings::new());
    assert!(encrypted.is_secure());
    assert_eq!(encrypted.port(), 443);
    let opening = encrypted.handshake().unwrap();
    assert!(
        opening
            .request()
            .starts_with(b"GET / HTTP/1.1\r\nHost: a\r\n")
    );
    let explicit = request("ws://a:80").tls(TlsSettings::new());
    assert_eq!(explicit.port(), 80);
    let opening = explicit.handshake().unwrap();
    assert!(
        opening
            .request()
            .starts_with(b"GET / HTTP/1.1\r\nHost: a:80\r\n")
    );
}
