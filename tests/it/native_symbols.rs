//! What the add-in shows to other code of its process: five functions, and nothing that another library could replace.

use std::{collections::BTreeSet, ffi::OsStr, fmt::Write as _, fs, path::Path, process::Command};

use ws_tests::process::ws_binary;

use crate::support::native::run;

/// What hosts look for.
const EXPORTS: [&str; 5] = [
    "DestroyObject",
    "GetAttachType",
    "GetClassNames",
    "GetClassObject",
    "SetPlatformCapabilities",
];

/// R-64: the five functions are the dynamic library's alone: a program that links its crate exports none.
#[test]
fn ws_has_none_of_the_functions_that_hosts_look_for() {
    let listed = run(Command::new("nm").arg(ws_binary()));
    // A stripped program would show nothing at all.
    assert!(
        listed.lines().any(|line| line.ends_with(" main")),
        "no symbols"
    );
    for name in EXPORTS {
        let found = listed
            .lines()
            .find(|line| line.ends_with(&format!(" {name}")));
        assert_eq!(found, None, "{name} in the symbols of ws");
    }
}

#[cfg(target_os = "linux")]
mod library {
    use serde_json::json;
    use ws_tests::echo::TestCertificate;

    use super::*;
    use crate::support::native::{Check, Host, check, host_command, library, text};

    /// Built by this test, for this system, and with nothing added.
    fn is_ours() -> bool {
        let given = ["WS_NATIVE_HOST", "WS_NATIVE_LIBRARY"].map(std::env::var_os);
        let is_ours = given == [None, None] && check() == Check::Nothing;
        if !is_ours {
            println!("NOT RUN: another library, or one with the symbols of a tool");
        }
        is_ours
    }

    /// R-64
    #[test]
    fn the_library_exports_five_functions_and_nothing_else() {
        if is_ours() {
            let listed = run(Command::new("nm")
                .args(["-D", "--defined-only"])
                .arg(library()));
            let names: Vec<_> = names(&listed, "").collect();
            assert_eq!(names, EXPORTS, "exported symbols");
        }
    }

    /// R-54: what has started a thread must stay when its host unloads it
    #[test]
    fn the_library_cannot_be_unloaded() {
        if is_ours() {
            let dynamic = run(Command::new("readelf").arg("-d").arg(library()));
            let flags = dynamic.lines().filter(|line| line.contains("FLAGS_1"));
            let flags: Vec<_> = flags.collect();
            assert!(
                flags.iter().any(|line| line.contains("NODELETE")),
                "flags of the library without NODELETE: {flags:?}"
            );
        }
    }

    /// R-65: every C name inside of it, what other builds of TLS and compression are called, and the five themselves
    /// stand before its own in a host; each of them ends the process when it is called.
    #[test]
    fn names_that_clash_are_not_called() {
        if !is_ours() {
            return;
        }
        let listed = run(Command::new("nm").arg("--defined-only").arg(library()));
        let mut clashing: BTreeSet<&str> =
            names(&listed, "TtWw").filter(|name| is_c(name)).collect();
        let own = clashing.iter().filter(|name| name.contains("ring")).count();
        assert!(own > 20, "{own} functions of ring, fewer than 20");
        clashing.extend(OTHERS);
        clashing.extend(EXPORTS);
        let host = host_command("script").get_program().to_owned();
        for name in taken(&host) {
            clashing.remove(name.as_str());
        }
        let folder = tempfile::tempdir().unwrap();
        let preload = folder.path().join("clash.so");
        build(&clashing, &preload);
        println!("native clash: {} names", clashing.len());

        let mut command = host_command("script");
        command.env("LD_PRELOAD", &preload);
        let mut host = Host::start_with(command);
        let certificate = TestCertificate::new(&["localhost"]);
        let [chain, key] = [
            ("chain.pem", &certificate.chain),
            ("key.pem", &certificate.key),
        ]
        .map(|(name, content)| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            path
        });
        let settings = json!({
            "address": "127.0.0.1", "tls_cert_path": chain, "tls_key_path": key, "compression": "shared",
        });
        host.create("s", "Server", "manager");
        host.create("c", "Client", "manager");
        let started = host.succeed(
            "s",
            "StartServer",
            &["i4:0", "i4:9", "s:", &text(&settings.to_string())],
        );
        let tls = text(r#"{"use_tls":true,"accept_invalid_certs":true}"#);
        let address = text(&format!("wss://localhost:{}/", started["port"]));
        host.succeed(
            "c",
            "CreateConnection",
            &[
                &address,
                &tls,
                "s:",
                "s:",
                "s:",
                &text(r#"{"compression":"shared"}"#),
            ],
        );
        let status = host.succeed("c", "GetConnectionStatus", &[]);
        assert!(
            status["compression"].is_string() && status["tlsVersion"].is_string(),
            "{status}"
        );
        host.succeed("c", "SendTextMessage", &["letters:100000"]);
        let told = host.succeed("s", "GetNextConnectionData", &["i4:30000"]);
        assert_eq!(told["size"], 200_000);
        host.succeed("c", "CloseConnection", &[]);
        host.end("c");
        host.end("s");
        host.finish();
    }

    /// A name that C code could give to something of its own. Rust's begin with one of two prefixes and hold a hash.
    fn is_c(name: &str) -> bool {
        let is_rust = name.starts_with("_ZN") || name.starts_with("_R");
        !is_rust
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }

    /// What the host and the libraries that it is linked with define: the host itself needs it.
    fn taken(host: &OsStr) -> BTreeSet<String> {
        let listed = run(Command::new("ldd").arg(host));
        let libraries = listed
            .lines()
            .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
        let mut taken: BTreeSet<String> = ["_init", "_fini", "_start", "main"]
            .map(String::from)
            .into();
        for file in libraries.map(Path::new).chain([Path::new(host)]) {
            let listed = run(Command::new("nm").args(["-D", "--defined-only"]).arg(file));
            // Versions follow the name: memcpy@@GLIBC_2.14.
            let names = names(&listed, "").filter_map(|name| name.split('@').next());
            taken.extend(names.map(String::from));
        }
        taken
    }

    fn build(names: &BTreeSet<&str>, library: &Path) {
        let mut source = String::from("#include <stdio.h>\n#include <stdlib.h>\n");
        source.push_str("static void called(const char *name) { fprintf(stderr, \"called: %s\\n\", name); abort(); }\n");
        for (number, name) in names.iter().enumerate() {
            // Under a name of its own in C, where some of them are known with other types.
            let _ = writeln!(
                source,
                "void stub_{number}(void) __asm__(\"{name}\"); void stub_{number}(void) {{ called(\"{name}\"); }}"
            );
        }
        let file = library.with_extension("c");
        fs::write(&file, source).unwrap();
        run(Command::new("gcc")
            .args(["-shared", "-fPIC", "-o"])
            .args([library, &file]));
    }

    /// Functions of other libraries that hosts are full of.
    const OTHERS: [&str; 24] = [
        "BIO_new",
        "CRYPTO_memcmp",
        "EVP_DigestInit",
        "EVP_EncryptUpdate",
        "RAND_bytes",
        "SHA1",
        "SHA1_Init",
        "SHA256_Update",
        "SSL_connect",
        "SSL_new",
        "SSL_read",
        "SSL_write",
        "X509_verify_cert",
        "adler32",
        "adler32_combine",
        "crc32",
        "deflate",
        "deflateInit2_",
        "deflateEnd",
        "inflate",
        "inflateInit2_",
        "inflateReset",
        "rust_begin_unwind",
        "zlibVersion",
    ];
}

/// The names in what `nm` has listed; of these types, or of any.
fn names<'a>(listed: &'a str, types: &'a str) -> impl Iterator<Item = &'a str> {
    listed.lines().filter_map(move |line| {
        let mut words = line.split_whitespace().rev();
        let name = words.next()?;
        let kind = words.next()?;
        (types.is_empty() || types.contains(kind)).then_some(name)
    })
}
