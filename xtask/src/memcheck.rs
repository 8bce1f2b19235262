//! `memcheck`: the core's tests and the server's framing under valgrind: no byte that was never written goes into a
//! decision or into the socket.
//!
//! Random streams are few here: valgrind takes thirty times as long.

use crate::{
    Failure,
    flags::Flags,
    install,
    report::{Outcome, Report},
    shell::Run,
};

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    flags.finish()?;
    steps(report);
    Ok(())
}

/// The runs, each a step.
pub(crate) fn steps(report: &mut Report) {
    // Masking, UTF-8, headers, both handshakes.
    report.step("memcheck core units", || {
        let slow = ["tls::", "a_final_block_ends_a_message"];
        let skip = slow.iter().flat_map(|slow| ["--skip", slow]);
        check(&["-p", "ws-core", "--lib"], &skip.collect::<Vec<_>>())
    });
    report.step("memcheck core scenarios", || {
        let framing = [
            "chunking::",
            "fuzz_corpus::",
            "handshake::",
            "hostile::a_client_draws_a_key_for_each_frame",
            "hostile::frames_masked_the_wrong_way_fail",
            "hostile::invalid_text_fails_at_its_first_bad_byte",
            "hostile::what_may_not_be_sent_is_refused",
            "scenario::",
            "vectors::",
        ];
        check(&["-p", "ws-core", "--test", "it"], &framing)
    });
    // Over sockets: what is sent is looked at by valgrind in the system call itself.
    report.step("memcheck server", || {
        let framing = [
            "loops::messages_of_all_sizes_are_echoed",
            "loops::a_broadcast_reaches_every_connection_of_the_loop",
            "flow::ten_pings_in_one_segment_get_ten_pongs",
            "closing::a_broken_rule_fails_the_connection_with_its_code",
            "closing::the_peer_closes_and_the_server_ends_tcp",
            "http::a_refused_client_reads_the_answer_and_a_clean_end",
            "http::what_is_sent_while_opening_follows_the_101",
        ];
        check(&["-p", "ws-server", "--test", "it"], &framing)
    });
}

fn check(tests: &[&str], filters: &[&str]) -> Result<Outcome, Failure> {
    install::programs(&install::NEEDS)?;
    let mut passed = Vec::new();
    Run::cargo()
        .args(["test", "--locked", "--config", RUNNER])
        .args(tests)
        .args(["--", "--test-threads=1"])
        .args(filters)
        .env("WS_STREAMS", STREAMS)
        .env("PROPTEST_CASES", STREAMS)
        .run_with_lines(|line| {
            if let Some(rest) = line.strip_prefix("test result: ok. ") {
                passed.push(rest.split(';').next().unwrap_or(rest).to_owned());
            }
        })?;
    match passed.first() {
        Some(count) if !count.starts_with("0 ") => Ok(Outcome::DoneWith(count.clone())),
        _ => Err("no test ran".to_owned()),
    }
}

/// Exits with a number of its own, which libtest does not use.
const RUNNER: &str = "target.'cfg(unix)'.runner = \
    ['valgrind', '--quiet', '--error-exitcode=9', '--leak-check=no', '--fair-sched=yes']";
const STREAMS: &str = "50";
