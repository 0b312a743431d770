//! Flows with files of their own, `/files/a.txt` and `/files/folder/b.txt`, that want more than to read them. They
//! complete when they got nothing, and panic where they got something.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::time::SystemTime;

use longshore_sdk::flow;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{
    Advice, Descriptor, DescriptorFlags, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
};

/// Where what is outside could be.
const OUTSIDE: [&str; 9] = [
    "..",
    "../",
    "../x",
    "../../../../../../../etc/passwd",
    "folder/../../x",
    "/etc/passwd",
    "/proc/self/environ",
    "//files/a.txt",
    "./../files/a.txt",
];

fn folder() -> Descriptor {
    let mut folders = get_directories();
    assert_eq!(folders.len(), 1, "it has other folders");
    let (folder, name) = folders.remove(0);
    assert_eq!(name, "/files");
    folder
}

fn many_files() -> Descriptor {
    let opened =
        folder().open_at(PathFlags::empty(), "many", OpenFlags::DIRECTORY, DescriptorFlags::READ);
    opened.expect("it may read")
}

#[track_caller]
fn fails<T>(what: &str, result: io::Result<T>) {
    if result.is_ok() {
        panic!("it could {what}");
    }
}

#[track_caller]
fn is_refused<T>(what: &str, result: Result<T, ErrorCode>) {
    match result {
        Ok(_) => panic!("it could {what}"),
        Err(code) => assert!(
            matches!(
                code,
                ErrorCode::NotPermitted
                    | ErrorCode::Access
                    | ErrorCode::ReadOnly
                    | ErrorCode::NoEntry
                    | ErrorCode::BadDescriptor
                    | ErrorCode::Exist
                    | ErrorCode::IsDirectory
                    | ErrorCode::Invalid
                    | ErrorCode::Unsupported
            ),
            "{what}: {code:?}"
        ),
    }
}

/// Asserts that all is as it was.
fn check() {
    assert_eq!(fs::read_to_string("/files/a.txt").unwrap(), "a");
    assert_eq!(fs::read_to_string("/files/folder/b.txt").unwrap(), "b");
    assert_eq!(fs::read_dir("/files").unwrap().count(), 2);
    assert_eq!(fs::read_dir("/files/folder").unwrap().count(), 1);
}

/// Writes, renames and removes its files by the means of Rust.
#[flow(timeout = "10s")]
fn writes_its_files() {
    for path in ["/files/a.txt", "/files/new", "/files/folder/new", "files/a.txt"] {
        fails("write", fs::write(path, "x"));
        fails("create", File::create(path));
        fails("append", OpenOptions::new().append(true).create(true).open(path));
        fails("truncate", OpenOptions::new().write(true).truncate(true).open(path));
        fails("open to write", OpenOptions::new().read(true).write(true).open(path));
        fails("create anew", File::create_new(path));
        fails("make a folder", fs::create_dir(path));
        fails("link", fs::hard_link("/files/folder/b.txt", path));
        fails("copy", fs::copy("/files/folder/b.txt", path));
        fails("rename", fs::rename("/files/folder/b.txt", path));
        fails("rename", fs::rename(path, "/files/other"));
    }
    fails("remove", fs::remove_file("/files/a.txt"));
    fails("remove", fs::remove_dir_all("/files/folder"));
    fails("remove", fs::remove_dir_all("/files"));
    let mut file = File::open("/files/a.txt").unwrap();
    fails("write what is open to be read", file.write_all(b"x"));
    fails("cut", file.set_len(0));
    fails("set times", file.set_modified(SystemTime::UNIX_EPOCH));
    check();
}

/// The same by the interface itself, with each of its functions.
#[flow(timeout = "10s")]
fn writes_its_files_by_hand() {
    let folder = folder();
    let here = PathFlags::empty();
    for open in [OpenFlags::CREATE, OpenFlags::TRUNCATE, OpenFlags::CREATE | OpenFlags::EXCLUSIVE] {
        for flags in [
            DescriptorFlags::WRITE,
            DescriptorFlags::READ | DescriptorFlags::WRITE,
            DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY,
            DescriptorFlags::READ,
        ] {
            for path in ["a.txt", "new", "folder"] {
                is_refused("open", folder.open_at(here, path, open, flags));
            }
        }
    }
    let write = DescriptorFlags::WRITE | DescriptorFlags::READ;
    is_refused("open", folder.open_at(here, "a.txt", OpenFlags::empty(), write));
    let read = DescriptorFlags::READ;
    let file = folder.open_at(here, "a.txt", OpenFlags::empty(), read).expect("it may read");
    is_refused("write", file.write(b"x", 0));
    is_refused("write", file.write_via_stream(0));
    is_refused("append", file.append_via_stream());
    is_refused("cut", file.set_size(0));
    is_refused("grow", file.set_size(u64::MAX));
    is_refused("set times", file.set_times(NewTimestamp::Now, NewTimestamp::Now));
    let now = NewTimestamp::Now;
    is_refused("set times", folder.set_times_at(here, "a.txt", now, now));
    is_refused("make a folder", folder.create_directory_at("new"));
    is_refused("remove", folder.unlink_file_at("a.txt"));
    is_refused("remove", folder.remove_directory_at("folder"));
    is_refused("rename", folder.rename_at("a.txt", &folder, "new"));
    is_refused("link", folder.link_at(here, "a.txt", &folder, "new"));
    for to in ["a.txt", "..", "/etc/passwd"] {
        is_refused("link", folder.symlink_at(to, "new"));
    }
    check();
}

/// Looks for a way out of its folder.
#[flow(timeout = "10s")]
fn leaves_its_files() {
    let (base, here) = (folder(), PathFlags::empty());
    let folder = base
        .open_at(here, "folder", OpenFlags::DIRECTORY, DescriptorFlags::READ)
        .expect("it may read");
    for path in
        OUTSIDE.into_iter().chain(["folder/../..", "folder/b.txt/..", "a.txt/../..", "a\0b"])
    {
        for follow in [PathFlags::empty(), PathFlags::SYMLINK_FOLLOW] {
            for open in [OpenFlags::empty(), OpenFlags::DIRECTORY] {
                let opened = base.open_at(follow, path, open, DescriptorFlags::READ);
                assert!(opened.is_err(), "it opened {path:?}");
            }
            assert!(base.stat_at(follow, path).is_err(), "it saw {path:?}");
            assert!(base.readlink_at(path).is_err(), "it read {path:?}");
        }
    }
    // A folder of its own is no place from which it comes further.
    for path in ["../..", "../../etc", "/etc"] {
        let opened = folder.open_at(here, path, OpenFlags::empty(), DescriptorFlags::READ);
        assert!(opened.is_err(), "it opened {path:?}");
    }
    for path in
        ["/", "/etc/passwd", "/files/../etc/passwd", "/files/folder/../../etc", "/filesystem"]
    {
        fails("leave its folder", fs::read(path));
        fails("leave its folder", fs::read_dir(path));
    }
    check();
}

/// Opens its files and keeps them open.
#[flow(timeout = "30s")]
fn hoards_its_files() {
    let mut files = Vec::new();
    loop {
        files.push(File::open("/files/a.txt").expect("another one can be opened"));
    }
}

/// Lists its files and keeps the lists.
#[flow(timeout = "30s")]
fn hoards_lists_of_its_files() {
    let (folder, mut lists) = (many_files(), Vec::new());
    loop {
        lists.push(folder.read_directory().expect("it may be listed"));
    }
}

/// Lists its files again and again: lists that it has dropped must not add up.
#[flow(timeout = "30s")]
fn churns_lists_of_its_files() {
    let folder = many_files();
    for _ in 0..50 {
        let list = folder.read_directory().expect("it may be listed");
        assert!(list.read_directory_entry().expect("it can be read").is_some());
    }
}

/// Has its files read, and takes nothing of it.
#[flow(timeout = "30s")]
fn hoards_streams_of_its_files() {
    let file = folder()
        .open_at(PathFlags::empty(), "a.txt", OpenFlags::empty(), DescriptorFlags::READ)
        .expect("it may read");
    let mut streams = Vec::new();
    loop {
        let stream = file.read_via_stream(0).expect("it may read");
        drop(stream.read(u64::MAX));
        streams.push(stream);
    }
}

/// Reads more than there is, and where nothing is.
#[flow(timeout = "10s")]
fn reads_beyond_its_files() {
    let (folder, here) = (folder(), PathFlags::empty());
    let file = folder
        .open_at(here, "a.txt", OpenFlags::empty(), DescriptorFlags::READ)
        .expect("it may read");
    for length in [1, u64::from(u32::MAX), u64::MAX] {
        assert_eq!(file.read(length, 0).map(|(bytes, _)| bytes), Ok(b"a".to_vec()));
        for offset in [1, u64::from(u32::MAX), u64::MAX >> 1, u64::MAX] {
            let read = file.read(length, offset);
            assert!(read.as_ref().map_or(true, |(bytes, _)| bytes.is_empty()), "{read:?}");
            if let Ok(stream) = file.read_via_stream(offset) {
                assert!(stream.blocking_read(length).is_err(), "there is more");
            }
        }
        assert!(folder.read(length, 0).is_err(), "a folder has bytes");
        drop(file.advise(0, length, Advice::WillNeed));
    }
    check();
}

/// Reads its files for ever: what the host does for it is its own processor time.
#[flow(timeout = "30s", limits(cpu = "200ms"))]
fn reads_its_files_for_ever() {
    loop {
        check();
    }
}
