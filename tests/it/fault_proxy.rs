//! M-8: our client and our server with a network between them that does what networks do (`ws_tests::fault_proxy`).
//!
//! Ten faults, with and without TLS, in both directions, those that happen at a place at many places. Whatever happens,
//! nothing is lost, doubled or reordered that arrived, what arrived stays readable after a loss, the error says what
//! was lost, every call returns by its timeout, and the server lets go of every connection.

mod conversation;
mod server;

use std::{
    fmt::Write as _,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use ws_client::{Config, ConnectRequest, TlsSettings};
use ws_tests::{
    echo::TestCertificate,
    fault_proxy::{Dice, Direction, FaultProxy, Toxic},
    figures::open_files,
    payload::{self, Payload},
    process::{Process, ws_binary},
    raw,
    wait::{self, TIMEOUT},
};

use self::{
    conversation::{Broken, Converse, Outcome, with_background_client, with_client},
    server::Witness,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Latency,
    Slices,
    Bandwidth,
    Reset,
    Fin,
    HalfClose,
    Stall,
    Reorder,
    NoCloseNotify,
    Corrupt,
}

const FAULTS: [Fault; 10] = [
    Fault::Stall,
    Fault::Corrupt,
    Fault::Latency,
    Fault::Slices,
    Fault::Bandwidth,
    Fault::Reset,
    Fault::Fin,
    Fault::HalfClose,
    Fault::Reorder,
    Fault::NoCloseNotify,
];

impl Fault {
    /// Everything arrives in spite of it.
    fn is_harmless(self) -> bool {
        use Fault::{Bandwidth, Latency, NoCloseNotify, Reorder, Slices};
        matches!(self, Latency | Slices | Bandwidth | Reorder | NoCloseNotify)
    }

    /// At how many places.
    fn rounds(self) -> u64 {
        match self {
            Self::Reset | Self::Fin | Self::HalfClose | Self::Corrupt => 10,
            Self::Stall => 2,
            _ => 1,
        }
    }

    /// With its place among `total` bytes.
    fn toxic(self, dice: &mut Dice, total: u64) -> Toxic {
        let place = dice.below(total);
        match self {
            Self::Latency => Toxic::Latency(Duration::from_millis(50)),
            Self::Slices => Toxic::Slices,
            Self::Bandwidth => Toxic::Bandwidth(16 << 10),
            Self::Reset => Toxic::Reset(place),
            Self::Fin => Toxic::Fin(place),
            Self::HalfClose => Toxic::HalfClose(place),
            Self::Stall => Toxic::Stall(place),
            Self::Reorder => Toxic::Reorder,
            Self::NoCloseNotify => Toxic::NoCloseNotify,
            Self::Corrupt => Toxic::Corrupt(place),
        }
    }

    /// How long a call waits for what must come, or for what will not.
    fn patience(self) -> Duration {
        match self {
            Self::Stall => Duration::from_millis(300),
            Self::Corrupt => Duration::from_secs(1),
            _ => TIMEOUT,
        }
    }

    fn connect_timeout(self) -> Duration {
        match self {
            Self::Stall | Self::Corrupt => Duration::from_secs(2),
            _ => TIMEOUT,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Case {
    fault: Fault,
    is_tls: bool,
    direction: Direction,
    seed: u64,
}

/// The servers of one test, the certificate they show, and who talks to them.
struct Network {
    plain: SocketAddr,
    tls: SocketAddr,
    authority: PathBuf,
    converse: Converse,
    /// Who has seen what the server received; none if it is another process.
    witness: Option<Witness>,
}

/// What all conversations are made of: 14 KB, text and binary, of every length of a header. None is empty: alone in a
/// record it would be as long as an alert.
fn messages() -> Vec<Payload> {
    let sizes = [
        1, 16, 125, 126, 1_000, 3, 4_000, 300, 127, 2_500, 60, 3_000, 2, 3_000,
    ];
    let made = sizes.iter().enumerate().map(|(number, &size)| {
        if number % 2 == 0 {
            Payload::Binary(payload::binary(size, number))
        } else {
            Payload::Text(payload::text(size, number))
        }
    });
    made.collect()
}

impl Network {
    fn request(&self, case: &Case, proxy: SocketAddr, path: &str) -> ConnectRequest {
        let scheme = if case.is_tls { "wss" } else { "ws" };
        let request = ConnectRequest::new(&format!("{scheme}://{proxy}{path}")).unwrap();
        let config = Config::default()
            .connect_timeout(case.fault.connect_timeout())
            .send_timeout(TIMEOUT);
        let request = request.config(config);
        if case.is_tls {
            request.tls(TlsSettings::new().ca_file(&self.authority))
        } else {
            request
        }
    }

    fn proxy(&self, case: &Case, toxic: Toxic) -> FaultProxy {
        let target = if case.is_tls { self.tls } else { self.plain };
        FaultProxy::start(target, toxic, case.direction, case.seed)
    }

    /// Bytes of a conversation that nothing happens to, but for the last few: signatures vary in length.
    fn total(&self, is_tls: bool, direction: Direction) -> u64 {
        let case = Case {
            fault: Fault::Latency,
            is_tls,
            direction,
            seed: 0,
        };
        let proxy = self.proxy(&case, Toxic::None);
        let path = format!("/undisturbed-{is_tls}-{direction:?}");
        let request = self.request(&case, proxy.address(), &path);
        let outcome = (self.converse)(&request, &messages(), TIMEOUT).unwrap();
        assert_eq!(outcome.problem_if_incomplete(&messages()), None);
        proxy.passed(direction) - 8
    }

    /// Runs a case; what is wrong with it, if anything.
    fn run(&self, name: &str, case: &Case, total: u64) -> Result<u64, Broken> {
        let toxic = case.fault.toxic(&mut Dice(case.seed), total);
        let proxy = self.proxy(case, toxic);
        // Reordering needs several connections, and so may everything else have.
        let at_once = if case.fault == Fault::Reorder { 4 } else { 1 };
        let results: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..at_once)
                .map(|place| {
                    let path = format!("/{name}-{place}");
                    let request = self.request(case, proxy.address(), &path);
                    scope.spawn(move || {
                        let outcome =
                            (self.converse)(&request, &messages(), case.fault.patience())?;
                        Ok::<_, Broken>((path, outcome))
                    })
                })
                .collect();
            let joined = threads.into_iter().map(|thread| {
                let result = thread.join();
                result.unwrap_or_else(|_| Err(Broken::Other("it panicked".to_owned())))
            });
            joined.collect()
        });
        let count = || match case.fault {
            Fault::Reorder => proxy.out_of_order(),
            _ => proxy.fired(),
        };
        let must_fire =
            case.fault.is_harmless() && (case.is_tls || case.fault != Fault::NoCloseNotify);
        // What ends a TLS stream may be on its way when the client has all it waits for.
        if must_fire && !wait::until(TIMEOUT, || count() > 0) {
            return Err(Broken::Other("the fault did not happen".to_owned()));
        }
        let fired = count();
        for result in results {
            let (path, outcome) = result?;
            self.judge(case, &path, &outcome, fired > 0)
                .map_err(|text| Broken::Other(format!("{toxic:?}: {text}; {outcome:?}")))?;
        }
        Ok(fired)
    }

    /// Runs a case, and again if a call of it was late.
    fn run_at_best(&self, number: usize, case: &Case, total: u64) -> Result<u64, Broken> {
        let run = |attempt| self.run(&format!("{number}-{attempt}"), case, total);
        (1..ATTEMPTS).fold(run(0), |result, attempt| match result {
            Err(Broken::Late(_)) => run(attempt),
            result => result,
        })
    }

    fn judge(
        &self,
        case: &Case,
        path: &str,
        outcome: &Outcome,
        has_fired: bool,
    ) -> Result<(), String> {
        let sent = messages();
        // Without TLS nobody can tell a damaged message from another one.
        if case.fault == Fault::Corrupt && !case.is_tls {
            return Ok(());
        }
        if !sent.starts_with(&outcome.received) {
            return Err("the client received something else than the echo so far".to_owned());
        }
        if let Some(witness) = &self.witness {
            let received = witness.received(path);
            if !sent.starts_with(&received) {
                return Err("the server received something else than what was sent".to_owned());
            }
            if received.len() < outcome.received.len() {
                return Err("an echo came back that was not received".to_owned());
            }
        }
        let is_complete = outcome.received.len() == sent.len();
        if case.fault.is_harmless() || !has_fired {
            return outcome
                .problem_if_incomplete(&sent)
                .map_or(Ok(()), |problem| Err(format!("it hurt: {problem}")));
        }
        let says_why = outcome.error.as_ref().is_some_and(|error| {
            let text = error.to_string();
            let is_clear = text.starts_with("cannot ") && !text.contains('\n');
            is_clear && text.contains("://127.0.0.1:")
        });
        let is_told = match case.fault {
            // An end that the system tells of is known at once.
            Fault::Reset | Fault::Fin | Fault::HalfClose => {
                says_why
                    && !outcome
                        .error
                        .as_ref()
                        .is_some_and(|error| error.is_timeout())
            }
            _ => says_why || outcome.timed_out,
        };
        if is_complete || is_told {
            Ok(())
        } else {
            Err("the loss was not told".to_owned())
        }
    }

    /// All cases, many at once: most of them wait most of the time.
    fn run_all(&self) {
        let started = Instant::now();
        let mut cases = Vec::new();
        for fault in FAULTS {
            for is_tls in [false, true] {
                for direction in [Direction::ToServer, Direction::ToClient] {
                    cases.extend((0..fault.rounds()).map(|round| Case {
                        fault,
                        is_tls,
                        direction,
                        seed: round * 7_919 + u64::from(is_tls),
                    }));
                }
            }
        }
        let totals = [false, true].map(|is_tls| {
            [Direction::ToServer, Direction::ToClient]
                .map(|direction| self.total(is_tls, direction))
        });
        let (next, fired) = (AtomicU64::new(0), AtomicU64::new(0));
        let failures = Mutex::new(String::new());
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Ok(number) = usize::try_from(next.fetch_add(1, Ordering::Relaxed))
                        && let Some(case) = cases.get(number)
                    {
                        let way = usize::from(case.direction == Direction::ToClient);
                        let total = totals[usize::from(case.is_tls)][way];
                        match self.run_at_best(number, case, total) {
                            Ok(count) => {
                                fired.fetch_add(count, Ordering::Relaxed);
                            }
                            Err(Broken::Late(text) | Broken::Other(text)) => {
                                let mut all =
                                    failures.lock().unwrap_or_else(PoisonError::into_inner);
                                let _ = writeln!(all, "{case:?}: {text}");
                            }
                        }
                    }
                });
            }
        });
        let failures = failures.into_inner().unwrap();
        assert_eq!(failures, "", "of {} cases these failed", cases.len());
        let fired = fired.into_inner();
        println!(
            "fault proxy: {} cases, {fired} faults happened, {:.1} s",
            cases.len(),
            started.elapsed().as_secs_f64()
        );
        // A fault whose place lies behind the end of a conversation does not happen.
        let least = cases.len() as u64 * 8 / 10;
        assert!(
            fired >= least,
            "{fired} faults happened in {} cases, at least {least} are to: 80 %",
            cases.len()
        );
    }
}

/// A certificate for this machine, as files.
fn certificate() -> (TestCertificate, TempDir) {
    let certificate = TestCertificate::new(&["127.0.0.1"]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("chain"), &certificate.chain).unwrap();
    std::fs::write(folder.path().join("key"), &certificate.key).unwrap();
    (certificate, folder)
}

#[test]
fn client_and_server_keep_their_promises() {
    let (certificate, folder) = certificate();
    let witness = Witness::default();
    let plain = witness.serve(ws_server::Config::default());
    let tls = witness.serve(ws_server::Config::default().tls(certificate.server()));
    let network = Network {
        plain: plain.local_addr(),
        tls: tls.local_addr(),
        authority: folder.path().join("chain"),
        converse: with_client,
        witness: Some(witness.clone()),
    };
    network.run_all();
    let all_gone = wait::until(TIMEOUT, || witness.open() == 0);
    assert!(all_gone, "{} connections are still open", witness.open());
}

#[test]
fn background_client_and_ws_serve_keep_their_promises() {
    let (_, folder) = certificate();
    let (plain, plain_url) = Process::echo_server_with(ws_binary(), &[""; 0]);
    let option = |name: &str, file| format!("--{name}={}", folder.path().join(file).display());
    let files = [option("tls-cert", "chain"), option("tls-key", "key")];
    let files = files.each_ref().map(String::as_str);
    let (tls, tls_url) = Process::echo_server_with(ws_binary(), &files);
    let address = |url: &str| {
        let (host, _) = raw::split(url).unwrap();
        host.parse().unwrap()
    };
    let at_rest = [(&plain, &plain_url), (&tls, &tls_url)]
        .map(|(server, url)| (server, raw::files_at_rest(server, url)));
    let network = Network {
        plain: address(&plain_url),
        tls: address(&tls_url),
        authority: folder.path().join("chain"),
        converse: with_background_client,
        witness: None,
    };
    network.run_all();
    for (server, files) in at_rest {
        let now = || open_files(server.id()).unwrap();
        let is_back = wait::until(TIMEOUT, || now() <= files);
        assert!(is_back, "{} files are open, {files} at the start", now());
    }
}

/// A call that is late each time is not late because of the machine.
const ATTEMPTS: u32 = 5;
/// Conversations at the same time.
const AT_ONCE: usize = 16;
