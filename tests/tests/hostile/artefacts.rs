//! Machine code that is not what it should be: damaged, exchanged, of another engine. None of it is executed.

use std::fs;
use std::path::PathBuf;

use longshore_protocol::id::Digest;
use longshore_protocol::record::{CodeSource, Order, Outcome, Record as _};
use longshore_tests::{Home, Run};

use crate::guest::known_verdict;
use crate::made;

include!(concat!(env!("OUT_DIR"), "/guests/artefacts.rs"));

/// What the runtime says of an artefact that is not the one of the order.
const DAMAGED: &str = "the artefact is not in the store, or is damaged";

/// A run whose machine code is in the store, before it is executed for the last time.
struct Prepared {
    home: Home,
    id: String,
}

impl Prepared {
    fn new() -> Self {
        let home = Home::new();
        let component = home.file("guest.wasm", made::raw("does_nothing", &[]));
        let call = home.longshore(&["submit"]).arg(component);
        let run = home.submitted(call);
        run.wait().succeeds();
        let id = run.id().to_owned();
        Self { home, id }
    }

    fn run(&self) -> Run<'_> {
        self.home.run_named(&self.id)
    }

    fn order(&self) -> Order {
        Order::from_json(&fs::read(self.run().folder().join("order.json")).unwrap()).unwrap()
    }

    fn artefact(&self) -> PathBuf {
        let compiled = self.order().compiled.unwrap();
        let key = longshore_protocol::layout::compiled(&compiled.engine, &compiled.sha256);
        self.home.store().join(key)
    }

    /// Executes the run again. The result is right, since the runtime has made the machine code itself.
    #[track_caller]
    fn executes(&self, guest: &str) -> String {
        for name in ["outcome.json", "attempts"] {
            let path = self.run().folder().join(name);
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
        }
        self.run().runtime_again().succeeds();
        let outcome = fs::read(self.run().folder().join("outcome.json")).unwrap();
        let outcome = Outcome::from_json(&outcome).unwrap();
        assert_eq!(known_verdict(guest), Some(outcome.verdict.word()), "{:?}", outcome.verdict);
        self.run().verb("result").succeeds().prints("");
        match outcome.runtime.code.unwrap() {
            CodeSource::CompiledHere { because } => because,
            CodeSource::Precompiled => panic!("it has executed what it was given"),
        }
    }

    /// Names `content` in the order as its artefact, with the digest that it has.
    fn orders(&self, content: &[u8]) {
        let mut order = self.order();
        let mut compiled = order.compiled.unwrap();
        compiled.sha256 = Digest::of(content);
        compiled.bytes = content.len() as u64;
        order.compiled = Some(compiled);
        fs::write(self.run().folder().join("order.json"), order.to_json()).unwrap();
        fs::write(self.artefact(), content).unwrap();
    }
}

/// Something that happens to an artefact.
type Change = dyn Fn(&mut Vec<u8>);

/// Changes the artefact in the store in each of these ways; nobody executes it.
#[track_caller]
fn is_not_executed(guest: &str, changes: &[&Change]) {
    let prepared = Prepared::new();
    let good = fs::read(prepared.artefact()).unwrap();
    for change in changes {
        let mut content = good.clone();
        change(&mut content);
        fs::write(prepared.artefact(), content).unwrap();
        assert_eq!(prepared.executes(guest), DAMAGED);
    }
}

#[test]
fn an_artefact_with_one_bit_changed() {
    let at = |part: usize| {
        move |content: &mut Vec<u8>| {
            let at = (content.len() - 1) * part / 6;
            content[at] ^= 1;
        }
    };
    is_not_executed(
        "an_artefact_with_one_bit_changed",
        &[&at(0), &at(1), &at(2), &at(3), &at(4), &at(5), &at(6)],
    );
}

#[test]
fn an_artefact_that_is_cut_off() {
    is_not_executed(
        "an_artefact_that_is_cut_off",
        &[
            &|content| content.clear(),
            &|content| content.truncate(1),
            &|content| content.truncate(64),
            &|content| content.truncate(content.len() / 2),
            &|content| content.truncate(content.len() - 1),
        ],
    );
}

#[test]
fn an_artefact_that_is_longer() {
    is_not_executed(
        "an_artefact_that_is_longer",
        &[&|content| content.push(0), &|content| content.extend_from_within(..)],
    );
}

#[test]
fn an_artefact_of_another_component() {
    let guest = "an_artefact_of_another_component";
    let prepared = Prepared::new();
    prepared.home.run("nothing").succeeds();
    let folder = prepared.artefact().parent().unwrap().to_owned();
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let other = files.filter(|file| *file != prepared.artefact()).last().unwrap();
    fs::copy(other, prepared.artefact()).unwrap();
    assert_eq!(prepared.executes(guest), DAMAGED);
}

#[test]
fn an_artefact_that_is_missing() {
    let prepared = Prepared::new();
    fs::remove_file(prepared.artefact()).unwrap();
    assert_eq!(prepared.executes("an_artefact_that_is_missing"), DAMAGED);
}

#[test]
fn an_artefact_of_another_engine() {
    let prepared = Prepared::new();
    let mut order = prepared.order();
    let mut compiled = order.compiled.unwrap();
    compiled.engine = "wasmtime47-x86_64-00000000".to_owned();
    order.compiled = Some(compiled);
    fs::write(prepared.run().folder().join("order.json"), order.to_json()).unwrap();
    let because = prepared.executes("an_artefact_of_another_engine");
    assert!(because.starts_with("the artefact was made by engine wasmtime47-"), "{because}");
}

#[test]
fn an_artefact_that_lies_about_its_engine() {
    let prepared = Prepared::new();
    let mut content = fs::read(prepared.artefact()).unwrap();
    // wasmtime writes its own version into what it makes.
    let version = b"\x00\x0248";
    let at = content.windows(version.len()).position(|window| window == version).unwrap();
    content[at + 3] ^= 1;
    prepared.orders(&content);
    let because = prepared.executes("an_artefact_that_lies_about_its_engine");
    assert!(because.contains("incompatible version '49'"), "{because}");
}

#[test]
fn an_artefact_that_is_none() {
    let prepared = Prepared::new();
    let component = made::raw("does_nothing", &[]);
    for content in [&component[..], b"", b"\x7fELF", &[0; 1_000]] {
        prepared.orders(content);
        let because = prepared.executes("an_artefact_that_is_none");
        assert_ne!(because, DAMAGED);
    }
}
