//! The parts that std would have provided: memory, an entry point, and a panic handler.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ffi::c_int;
use core::sync::atomic::{AtomicUsize, Ordering};

const HEAP_BYTES: usize = 8 << 20;

/// Hands memory out once and takes none back: the program is short.
struct Bump {
    heap: UnsafeCell<[u8; HEAP_BYTES]>,
    used: AtomicUsize,
}

// SAFETY: every allocation is a part of the heap of its own, as the counter moves atomically.
unsafe impl Sync for Bump {}

// SAFETY: what is given lies in the heap, aligned, and is given once.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let room = layout.size() + layout.align();
        let start = self.used.fetch_add(room, Ordering::Relaxed);
        if start + room > HEAP_BYTES {
            return core::ptr::null_mut();
        }
        let base = self.heap.get().cast::<u8>();
        // SAFETY: `start + room` is within the heap, and aligning moves by less than `align`.
        unsafe {
            let free = base.add(start);
            free.add(free.align_offset(layout.align()))
        }
    }

    unsafe fn dealloc(&self, _memory: *mut u8, _layout: Layout) {}
}

#[global_allocator]
static HEAP: Bump = Bump {
    heap: UnsafeCell::new([0; HEAP_BYTES]),
    used: AtomicUsize::new(0),
};

unsafe extern "C" {
    safe fn abort() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    abort()
}

/// Core's unwind tables refer to it; this program never unwinds.
// SAFETY: no other code of this program defines the symbol.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// The toolchain's `alloc` is built with unwinding and refers to it; this program never unwinds.
// SAFETY: no other code of this program defines the symbol.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    abort()
}

/// The function that the C library's start-up calls; 0 is success.
// SAFETY: the one `main`, with the C signature.
#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, _argv: *const *const u8) -> c_int {
    c_int::from(crate::everything::failing_part())
}
