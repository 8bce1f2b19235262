//! M-6: the fuzz targets' own code over their committed corpus, and over mutations of it, with the stable compiler.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use ws_core::Role;

#[expect(unreachable_pub, reason = "the fuzz targets are programs of their own")]
#[path = "../../fuzz/src/targets.rs"]
mod targets;

/// Mutations of the corpus of each target; libFuzzer, which sees what they reach, makes millions (`cargo xtask fuzz`).
const MUTATIONS: u64 = 3_000;

type Target = fn(&[u8]);

/// By the name of its file and of its corpus.
const TARGETS: [(&str, Target); 7] = [
    ("client_handshake", targets::client_handshake),
    ("receive_client", |data| {
        targets::receive(Role::Client, data)
    }),
    ("receive_deflate_client", |data| {
        targets::receive_deflate(Role::Client, data);
    }),
    ("receive_deflate_server", |data| {
        targets::receive_deflate(Role::Server, data);
    }),
    ("receive_server", |data| {
        targets::receive(Role::Server, data)
    }),
    ("send", targets::send),
    ("server_handshake", targets::server_handshake),
];

#[test]
fn every_target_survives_its_corpus_and_mutations_of_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let mut programs: Vec<_> = files(&folder.join("fuzz_targets"))
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    programs.sort_unstable();
    assert_eq!(programs, TARGETS.map(|(name, _)| name), "fuzz targets");
    let mutations = crate::wire::streams(MUTATIONS);
    let mut runs = BTreeMap::new();
    for (name, target) in TARGETS {
        let corpus: Vec<_> = files(&folder.join("corpus").join(name))
            .iter()
            .map(|path| fs::read(path).unwrap())
            .collect();
        corpus.iter().for_each(|data| target(data));
        let rng = &mut StdRng::seed_from_u64(6455);
        for _ in 0..mutations {
            target(&mutated(&corpus, rng));
        }
        runs.insert(name, corpus.len());
    }
    println!("corpus and {mutations} mutations of it each: {runs:?}");
    assert!(
        runs.values().all(|&count| count >= 2),
        "a target without two inputs in its corpus: {runs:?}"
    );
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The beginning of an input, perhaps with the end of another, and a few bytes changed.
fn mutated(corpus: &[Vec<u8>], rng: &mut StdRng) -> Vec<u8> {
    let mut data = corpus.choose(rng).unwrap().clone();
    if rng.random_bool(0.5) {
        let other = corpus.choose(rng).unwrap();
        data.truncate(rng.random_range(0..=data.len()));
        data.extend(&other[rng.random_range(0..=other.len())..]);
    }
    for _ in 0..rng.random_range(0..4) {
        if let Some(at) = (0..data.len()).collect::<Vec<_>>().choose(rng) {
            match rng.random_range(0..3) {
                0 => data[*at] ^= 1 << rng.random_range(0..8),
                1 => data[*at] = rng.random(),
                _ => drop(data.remove(*at)),
            }
        }
    }
    data
}
