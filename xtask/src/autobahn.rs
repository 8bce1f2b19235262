//! `autobahn`: the Autobahn testsuite (`tests/autobahn`) against the release builds, in both roles, over ws and wss.
//!
//! Every case must be OK: NON-STRICT and UNIMPLEMENTED fail as well. INFORMATIONAL counts as OK.

use std::path::{Path, PathBuf};

use crate::{
    Failure, build,
    flags::Flags,
    install,
    report::{Outcome, Report},
    shell::{Run, root, target},
};

/// For `ci`: every case but of sections 12 and 13, which are permessage-deflate, a thousand messages each; of those some
/// sizes of each kind of data, and some of each combination of parameters.
const PART: &str = "[1-9].*,10.*,12.?.2,12.?.5,12.?.12,13.?.3,13.?.5,13.?.11";

/// The same over wss: what differs there is how bytes come and go, so none of the thousands of messages.
const PART_WITH_TLS: &str = "[1-7].*,10.*";

/// Which cases to run.
#[derive(Debug, Clone)]
pub(crate) struct Cases {
    cases: String,
    cases_with_tls: String,
    exclude: String,
}

impl Default for Cases {
    /// All there are.
    fn default() -> Self {
        Self {
            cases: "*".to_owned(),
            cases_with_tls: "*".to_owned(),
            exclude: String::new(),
        }
    }
}

impl Cases {
    /// What there is time for when everything else is tested as well.
    pub(crate) fn part() -> Self {
        Self {
            cases: PART.to_owned(),
            cases_with_tls: PART_WITH_TLS.to_owned(),
            exclude: String::new(),
        }
    }

    fn flags(&self, transport: Transport) -> Vec<&str> {
        let cases = match transport {
            Transport::Plain => &self.cases,
            Transport::Tls => &self.cases_with_tls,
        };
        let mut flags = vec!["--cases", cases];
        if !self.exclude.is_empty() {
            flags.extend(["--exclude", &self.exclude]);
        }
        flags
    }
}

/// Which side of ours is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Server,
    Client,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Plain,
    Tls,
}

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    let roles = roles(&flags.take("role").unwrap_or_else(|| "both".to_owned()))?;
    let default = Cases::default();
    let cases = flags.take("cases").unwrap_or(default.cases);
    let cases = Cases {
        cases_with_tls: cases.clone(),
        cases,
        exclude: flags.take("exclude").unwrap_or(default.exclude),
    };
    flags.finish()?;
    if report.step("install", install::install) && report.step("release build", build::release) {
        steps(report, roles, &cases);
    }
    Ok(())
}

/// Sets the suite up and runs both roles; wants the release build.
pub(crate) fn both(report: &mut Report, cases: &Cases) {
    steps(report, &[Role::Server, Role::Client], cases);
}

fn roles(text: &str) -> Result<&'static [Role], Failure> {
    match text {
        "both" => Ok(&[Role::Server, Role::Client]),
        "server" => Ok(&[Role::Server]),
        "client" => Ok(&[Role::Client]),
        other => Err(format!("--role {other}: server, client or both")),
    }
}

fn steps(report: &mut Report, roles: &[Role], cases: &Cases) {
    if !report.step("autobahn setup", setup) {
        return;
    }
    for role in roles {
        for transport in [Transport::Plain, Transport::Tls] {
            let name = match (role, transport) {
                (Role::Server, Transport::Plain) => "autobahn server",
                (Role::Server, Transport::Tls) => "autobahn server, wss",
                (Role::Client, Transport::Plain) => "autobahn client",
                (Role::Client, Transport::Tls) => "autobahn client, wss",
            };
            report.step(name, || match role {
                Role::Server => check_server(cases, transport),
                Role::Client => check_client(cases, transport),
            });
        }
    }
}

fn setup() -> Result<Outcome, Failure> {
    in_venv(Run::new(suite("setup"))).run()?;
    let [certificate, key] = tls_files();
    // No authority: the same file is what a client trusts.
    Run::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=Autobahn", "-addext"])
        .args(["subjectAltName=IP:127.0.0.1", "-addext"])
        .args(["basicConstraints=critical,CA:FALSE", "-out"])
        .args([certificate])
        .args(["-keyout"])
        .args([key])
        .run()?;
    Ok(Outcome::Done)
}

/// A certificate for 127.0.0.1 and its key.
fn tls_files() -> [PathBuf; 2] {
    ["certificate.pem", "key.pem"].map(|name| target().join("autobahn").join(name))
}

/// `check-server … URL`, with the URL of a server that is started for it.
fn check_server(cases: &Cases, transport: Transport) -> Result<Outcome, Failure> {
    let mut run = Run::new(build::program("with_echo_server"));
    if transport == Transport::Tls {
        run = run.args(["--tls"]).args(tls_files());
    }
    let run = run.args([build::program("ws"), suite("check-server")]);
    let run = run.args(["--agent", "ws-server"]);
    finish(in_venv(run.args(cases.flags(transport))))
}

/// `check-client … -- COMMAND`, which appends the URL of the suite's own server.
fn check_client(cases: &Cases, transport: Transport) -> Result<Outcome, Failure> {
    let mut run = Run::new(suite("check-client"))
        .args(["--agent", "ws-client"])
        .args(cases.flags(transport));
    if transport == Transport::Tls {
        run = run.args(["--tls"]).args(tls_files());
    }
    run = run.args([Path::new("--"), &build::program("autobahn_client")]);
    if transport == Transport::Tls {
        let [certificate, _] = tls_files();
        run = run.args(["--cacert"]).args([certificate]);
    }
    finish(in_venv(run))
}

fn suite(program: &str) -> PathBuf {
    root().join("tests/autobahn").join(program)
}

fn in_venv(run: Run) -> Run {
    run.env("AUTOBAHN_VENV", target().join("autobahn"))
}

fn finish(run: Run) -> Result<Outcome, Failure> {
    let mut last = String::new();
    run.run_with_lines(|line| line.clone_into(&mut last))?;
    match all_ok(&last) {
        true => Ok(Outcome::DoneWith(last)),
        false => Err(format!("not every case is OK: {last}")),
    }
}

/// Whether the suite's closing line counts at least one case and nothing but OK ones.
fn all_ok(line: &str) -> bool {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let total = line
        .split("cases:")
        .next()
        .and_then(|text| number(text.rsplit(':').next()?));
    let ok = line
        .split("cases:")
        .nth(1)
        .and_then(|text| number(text.split("OK").next()?));
    total.is_some_and(|total| total > 0) && total == ok
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_house_of_ok_passes() {
        assert!(all_ok(
            "autobahn server: 301 cases: 301 OK, 0 NON-STRICT, 0 FAILED, 0 UNIMPLEMENTED"
        ));
        assert!(!all_ok(
            "autobahn server: 301 cases: 300 OK, 1 NON-STRICT, 0 FAILED, 0 UNIMPLEMENTED"
        ));
        assert!(!all_ok(
            "autobahn server: 0 cases: 0 OK, 0 NON-STRICT, 0 FAILED, 0 UNIMPLEMENTED"
        ));
        assert!(!all_ok(""));
    }

    #[test]
    fn knows_its_roles() {
        assert_eq!(roles("both"), Ok(&[Role::Server, Role::Client][..]));
        assert!(roles("peer").is_err());
    }
}
