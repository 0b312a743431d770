//! Files that a flow has with it: asked for or included, shipped once, read below `/files`, written by nobody.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use longshore_protocol::exit;
use longshore_protocol::id::Digest;
use longshore_tests::{Call, Home, Run, longshore, until};
use serde_json::{Value, json};

/// A home with the files that the flow `asks_for_files` asks for, and some others.
fn home() -> Home {
    let home = Home::new();
    for (path, content) in [
        ("config.yaml", "port: 80"),
        ("data/a.csv", "1"),
        ("data/deep/b.csv", "2"),
        ("data/x.tmp", "no"),
        ("other.txt", "other"),
    ] {
        home.file(path, content);
    }
    home
}

fn archives(home: &Home) -> Vec<PathBuf> {
    let folder = fs::read_dir(home.store().join("files/sha256"));
    let mut files: Vec<_> =
        folder.into_iter().flatten().flatten().map(|file| file.path()).collect();
    files.sort();
    files
}

fn lists(home: &Home, patterns: &[&str]) -> Call {
    let include = patterns.iter().flat_map(|pattern| ["--include", *pattern]);
    home.run("lists_files").args(include)
}

#[test]
fn a_flow_reads_the_files_that_it_asks_for() {
    let home = home();
    let call = home.run("asks_for_files").args(["--allow", "files"]);
    let answer = call.succeeds().says("with 3 files (10 B)");
    let expected = [
        ["/files/config.yaml", "port: 80"],
        ["/files/data/a.csv", "1"],
        ["/files/data/deep/b.csv", "2"],
    ];
    assert_eq!(answer.json(), json!(expected));
    let files = home.only_run().record("order.json").unwrap()["files"].clone();
    let [archive] = &archives(&home)[..] else { panic!("one archive") };
    let content = fs::read(archive).unwrap();
    let sha256 = Digest::of(&content).to_string();
    assert_eq!(files, json!({"sha256": sha256, "bytes": content.len(), "count": 3}));
    assert!(archive.ends_with(format!("{sha256}.tar")));
    let shown = home.only_run().verb("show").succeeds().text();
    assert!(shown.contains(&format!("files       3 in sha256:{sha256}")), "{shown}");
}

#[test]
fn files_of_a_flow_have_to_be_allowed() {
    let home = home();
    home.run("asks_for_files").fails_with(
        exit::BAD_INPUT,
        &[
            "error: the flow asks_for_files asks for grants that the pool local does not give: \
             file config.yaml, file data/",
            "hint: allow each, for example --allow \"file=config.yaml\", or all of them with --allow all",
        ],
    );
    home.has_stored_nothing();
    let call = home.run("asks_for_files").args(["--allow", "file=config.yaml"]);
    call.exits(exit::BAD_INPUT).says("does not give: file data/\n");
    let call = home.run("asks_for_files").args(["--allow", "file=config.yaml"]);
    call.args(["--allow", "file=data/"]).succeeds();
}

#[test]
fn a_pool_says_what_may_be_shipped() {
    let home = home();
    let run = |flow: &str, policy: &str| {
        home.file("longshore.toml", format!("[pools.team.grants]\nfiles = {policy}\n"));
        home.run(flow).args(["--pool", "team", "--allow", "all"])
    };
    run("asks_for_files", "true").succeeds();
    run("asks_for_files", "[\"config.yaml\", \"data/\"]").succeeds();
    run("asks_for_files", "false").fails_with(
        exit::BAD_INPUT,
        &[
            "error: the flow asks_for_files asks for grants that the pool team does not give: \
             file config.yaml, file data/",
            "hint: have them added to [pools.team.grants]",
        ],
    );
    run("lists_files", "[\"data/\"]").args(["--include", "data/a.csv"]).succeeds();
    run("lists_files", "[\"data/\"]").args(["--include", "*.txt"]).fails_with(
        exit::BAD_INPUT,
        &[
            "error: the command line includes files that the pool team does not give: file *.txt",
            "hint: have files = true added to [pools.team.grants]",
        ],
    );
}

#[test]
fn whoever_starts_a_flow_may_include_files() {
    let home = home();
    let answer = lists(&home, &["other.txt", "*.csv", "!a.csv"]).succeeds();
    assert_eq!(
        answer.json(),
        json!([["/files/data/deep/b.csv", "2"], ["/files/other.txt", "other"]])
    );
    let call = home.run("asks_for_files").args(["--allow", "files", "--include", "!data/"]);
    assert_eq!(call.succeeds().json(), json!([["/files/config.yaml", "port: 80"]]));
}

#[test]
fn the_same_files_are_shipped_once() {
    let home = home();
    let says = "\"event\":\"uploading\",\"what\":\"files\"";
    lists(&home, &["data/"]).json().succeeds().says(says);
    fs::rename(home.path("data/a.csv"), home.path("a.csv")).unwrap();
    home.file("data/a.csv", "1");
    lists(&home, &["data"]).json().succeeds().keeps_quiet_of(says);
    assert_eq!(archives(&home).len(), 1);
    home.file("data/a.csv", "3");
    lists(&home, &["data/"]).succeeds();
    assert_eq!(archives(&home).len(), 2);
}

#[test]
fn what_matches_nothing_is_told_and_the_run_goes_on() {
    let home = home();
    let answer = lists(&home, &["other.txt", "*.parquet"]).succeeds();
    answer.says("warning: no file matches \"*.parquet\" in ").says("with 1 file (5 B)");
    let answer = lists(&home, &["*.parquet"]).json().succeeds();
    let events = answer.events();
    let event = |name: &str| events.iter().find(|event| event["event"] == name).unwrap();
    assert!(event("warning")["text"].as_str().unwrap().starts_with("no file matches"));
    let files = json!({"event": "files", "count": 0, "bytes": 0, "packed_bytes": 1024});
    assert_eq!(event("files"), &files, "it has a folder nevertheless");
}

#[test]
fn what_must_not_be_shipped_is_refused_before_anything_is_stored() {
    let home = home();
    for name in [".env", "keys/server.pem", "keys/x.key", "credentials.json", "id_rsa"] {
        home.file(name, "secret");
    }
    let outside = Home::new();
    symlink(outside.file("secret.txt", "secret"), home.path("link.txt")).unwrap();
    for (pattern, lines) in [
        (
            "keys/",
            [
                "error: keys/server.pem looks like a secret, so it is not shipped",
                "hint: leave it out (!keys/server.pem), or name it exactly, without wildcards: keys/server.pem",
            ],
        ),
        (
            ".env*",
            [
                "error: .env looks like a secret, so it is not shipped",
                "hint: leave it out (!.env), or name it exactly, without wildcards: ./.env",
            ],
        ),
        (
            "[a",
            [
                "error: \"[a\" is not a pattern for files: error parsing glob '[a': unclosed character class; missing ']'",
                "hint: patterns are those of .gitignore: data/, *.csv, !x.csv",
            ],
        ),
    ] {
        lists(&home, &[pattern]).fails_with(exit::BAD_INPUT, &lines);
    }
    for (pattern, text) in [
        ("*.json", "credentials.json looks like a secret"),
        ("id_*", "id_rsa looks like a secret"),
        ("link.txt", "the link link.txt leads out of the folder, to "),
        ("../x", "it leads out of the flow's folder"),
        ("/etc/passwd", "it is absolute"),
        ("", "it is empty"),
    ] {
        let code = lists(&home, &[pattern]).answer().says(text).code;
        assert!([Some(exit::BAD_INPUT.0.into()), Some(2)].contains(&code), "{pattern}: {code:?}");
    }
    let limit = ["--limit", "files=2KiB"];
    let answer = lists(&home, &["data/", "other.txt"]).args(limit).exits(exit::BAD_INPUT);
    answer.says("the 4 files of the run have 5120 bytes, packed, and 2048 bytes are allowed");
    home.has_stored_nothing();
    assert_eq!(archives(&home).len(), 0);
    let exactly = lists(&home, &["./.env", "keys/server.pem"]).succeeds().json();
    assert_eq!(exactly, json!([["/files/.env", "secret"], ["/files/keys/server.pem", "secret"]]));
}

#[test]
fn a_pool_has_a_ceiling_for_files() {
    let home = home();
    home.file("longshore.toml", "[pools.team]\nceiling = { files = \"2KiB\" }\n");
    let team = ["--pool", "team"];
    lists(&home, &["config.yaml", "other.txt"])
        .args(team)
        .exits(exit::BAD_INPUT)
        .says("2048 bytes are allowed");
    let call = lists(&home, &["other.txt"]).args(team).args(["--limit", "files=3KiB"]);
    call.exits(exit::BAD_INPUT).says("and the pool team allows 2.0 KiB at most");
    lists(&home, &["other.txt"]).args(team).succeeds();
}

#[test]
fn a_preview_ships_nothing() {
    let home = home();
    let inspect = || home.longshore(&["inspect"]).arg(longshore_tests::fixtures());
    let text = inspect().succeeds().text();
    for line in
        ["  asks for file config.yaml", "  asks for file data/", "  asks for file !data/*.tmp"]
    {
        assert!(text.lines().any(|other| other == line), "{text}");
    }
    assert!(!text.contains("ships"), "{text}");
    let text = inspect().arg("--files").succeeds().text();
    for line in ["  ships /files/data/a.csv (1 B)", "  ships 3 in all (10 B, packed 4.0 KiB)"] {
        assert!(text.lines().any(|other| other == line), "{text}");
    }
    let shown =
        inspect().args(["--include", "other.txt", "--include", "*.no"]).json().succeeds().json();
    let flows = shown["flows"].as_array().unwrap();
    let flow = flows.iter().find(|flow| flow["name"] == "lists_files").unwrap();
    assert_eq!(flow["ships"]["files"], json!([{"path": "other.txt", "bytes": 5}]));
    assert_eq!(flow["ships"]["warnings"].as_array().unwrap().len(), 1);
    assert!(!home.store().exists());
}

/// A run that has ended and is executed once more, after something was done to its archive or to its order.
#[track_caller]
fn again(home: &Home, change: impl FnOnce(&mut Value)) -> Value {
    lists(home, &["data/"]).succeeds();
    let run = home.only_run();
    for name in ["outcome.json", "attempts/1/started.json"] {
        fs::remove_file(run.folder().join(name)).unwrap();
    }
    let mut order = run.record("order.json").unwrap();
    change(&mut order);
    fs::write(run.folder().join("order.json"), order.to_string()).unwrap();
    run.runtime_again().succeeds();
    run.outcome()["verdict"].clone()
}

#[test]
fn an_archive_that_is_missing_or_damaged_is_refused() {
    let expected = json!({"refused": {"reason":
        "the files are not in the store, or do not have the digest that the order says"}});
    let home_of_missing = home();
    let store = home_of_missing.store();
    let verdict = again(&home_of_missing, |_| fs::remove_dir_all(store.join("files")).unwrap());
    assert_eq!(verdict, expected);
    let home_of_damaged = home();
    let verdict = again(&home_of_damaged, |_| {
        let archive = archives(&home_of_damaged).remove(0);
        let mut content = fs::read(&archive).unwrap();
        content[600] ^= 1;
        fs::write(archive, content).unwrap();
    });
    assert_eq!(verdict, expected);
}

/// An archive as no launcher writes it, with the digest that the order says.
fn forged(home: &Home, order: &mut Value, path: &str, kind: u8, count: u64) {
    let mut header = [0_u8; 512];
    header[..path.len()].copy_from_slice(path.as_bytes());
    header[124..136].copy_from_slice(b"00000000000\0");
    header[156] = kind;
    header[157..168].copy_from_slice(b"/etc/passwd");
    header[257..265].copy_from_slice(b"ustar  \0");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let archive = [&header[..], &[0; 1024]].concat();
    let sha256 = Digest::of(&archive);
    let name = format!("files/sha256/{sha256}.tar");
    fs::write(home.store().join(name), &archive).unwrap();
    order["files"] = json!({"sha256": sha256, "bytes": archive.len(), "count": count});
}

#[test]
fn an_archive_that_no_launcher_writes_is_refused() {
    for (path, kind, count, reason) in [
        ("../escaped", b'0', 1, "the files are damaged: the path \"../escaped\" leads elsewhere"),
        (
            "/tmp/longshore-was-here",
            b'0',
            1,
            "the files are damaged: the path \"/tmp/longshore-was-here\" is absolute",
        ),
        ("link", b'2', 1, "the files are damaged: \"link\" is not a file"),
        ("link", b'1', 1, "the files are damaged: \"link\" is not a file"),
        ("device", b'3', 1, "the files are damaged: \"device\" is not a file"),
        ("a", b'0', 2, "the files are 1 in 1536 bytes, and the order says 2 in 1536 bytes"),
    ] {
        let home = home();
        let verdict = again(&home, |order| forged(&home, order, path, kind, count));
        assert_eq!(verdict, json!({"refused": {"reason": reason}}));
    }
    assert!(!std::path::Path::new("/tmp/longshore-was-here").exists());
    let home = home();
    let verdict = again(&home, |order| order["limits"]["files_bytes"] = json!(100));
    assert!(verdict["refused"]["reason"].as_str().unwrap().ends_with("and 100 bytes are allowed"));
}

#[test]
fn a_retry_has_the_files_of_its_run() {
    let home = home();
    let call =
        home.run("asks_for_files").args(["--allow", "files", "--include", "other.txt", "--quiet"]);
    let before = call.succeeds().json();
    let run = home.only_run();
    fs::remove_file(home.path("config.yaml")).unwrap();
    home.file("other.txt", "changed");
    assert_eq!(run.verb("retry").arg("--quiet").succeeds().json(), before);
    fs::remove_dir_all(home.store().join("files")).unwrap();
    run.verb("retry").fails_with(
        exit::STORE,
        &[
            "error: the files of the run are not in the store any more",
            "hint: start it anew, where its files are",
        ],
    );
}

/// The folder in which a runtime has laid files out.
#[track_caller]
fn folder_of(run: &Run<'_>) -> PathBuf {
    let descriptors = format!("/proc/{}/fd", run.runtime().pid());
    until("the guest has its files", || {
        let links = fs::read_dir(&descriptors).ok()?.flatten();
        let mut files = links.filter_map(|link| fs::read_link(link.path()).ok());
        files.find(|file| file.to_string_lossy().contains("/longshore-files-"))
    })
}

#[test]
fn files_are_laid_out_for_as_long_as_the_run_takes() {
    let home = home();
    let call = home.submit("sleeps").param("seconds", 3600).args(["--include", "data/"]);
    let run = home.submitted(call);
    let folder = folder_of(&run);
    assert_eq!(fs::read_to_string(folder.join("data/a.csv")).unwrap(), "1");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&folder).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
    run.verb("cancel").succeeds();
    run.wait().exits(exit::RUN_CANCELLED);
    until("the folder is removed", || (!folder.exists()).then_some(()));
}

#[test]
fn without_files_there_is_no_folder() {
    let home = Home::new();
    home.run("lists_files").exits(exit::RUN_FAILED).says("Failed: No such file or directory");
    assert_eq!(home.only_run().record("order.json").unwrap().get("files"), None);
}

#[test]
fn a_large_file_arrives_as_it_is() {
    let home = Home::new();
    let file = fs::File::create(home.path("large.bin")).unwrap();
    file.set_len(60 << 20).unwrap();
    let call = home.run("measures_file").param("path", "/files/large.bin");
    let answer = call.args(["--include", "large.bin"]).succeeds().prints("62914560\n");
    answer.says("warning: large.bin has 60.0 MiB");
}

#[test]
fn a_crates_files_are_below_its_own_root() {
    let home = Home::new();
    home.longshore(&["new", "greet"]).succeeds();
    home.file("greet/words/hello.txt", "Hello");
    home.file("words/hello.txt", "not this one");
    home.file("greet/.longshoreignore", "*.draft\n");
    home.file("greet/words/x.draft", "no");
    let source = "use longshore_sdk::flow;\n\n#[flow(files = [\"words/\"])]\n\
        fn hello() -> Vec<String> {\n    \
            let files = std::fs::read_dir(\"/files/words\").expect(\"there are files\");\n    \
            files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()\n}\n";
    home.file("greet/src/lib.rs", source);
    let call = home.program(longshore()).args(["run", "greet", "--allow", "files", "--quiet"]);
    assert_eq!(call.builds().succeeds().json(), json!(["Hello"]));
}
