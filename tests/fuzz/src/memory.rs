//! Counts what a thread has allocated. libFuzzer's own limit on memory looks only once a second.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// What a property may take for an input without content: the base of the schema codec, its doubling when a list grows,
/// and the same for the copies that a property compares.
const BASE_BYTES: isize = 128 << 20;

/// What it may take beyond that for each byte of input.
const PER_BYTE: isize = 4 << 10;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// Calls `run`, which reads `length` bytes of input.
///
/// # Panics
/// Where it took more memory than so few bytes may take.
pub(crate) fn bounded(length: usize, run: impl FnOnce()) {
    let before = NOW.get();
    PEAK.set(before);
    run();
    let most = PEAK.get() - before;
    let length = isize::try_from(length).expect("an input is shorter than the address space");
    assert!(
        most <= BASE_BYTES + PER_BYTE * length,
        "{length} bytes of input took {most} bytes of memory"
    );
}

fn count(bytes: isize) {
    let now = NOW.get() + bytes;
    NOW.set(now);
    PEAK.set(PEAK.get().max(now));
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).expect("a layout is smaller than isize::MAX")
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(
    unsafe_code,
    reason = "an allocator cannot be written without; every call goes to the system's as it came"
)]
// SAFETY: the system's allocator does everything; counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-signed(layout.size()));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both exist while the content is moved.
        count(signed(size));
        count(-signed(layout.size()));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(place, layout, size) }
    }
}
