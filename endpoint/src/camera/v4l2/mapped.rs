//! The unsafe half of V4L2: mapped buffers, their queue, and two queries whose safe forms panic on odd names.
//!
//! Order of ownership: a buffer is the driver's (queued), or has been dequeued and has at least one reader
//! ([`DriverFrame`]); the last reader queues it again, on whatever thread that happens. When the stream ends, buffers
//! with readers stay mapped until these are gone.
#![expect(unsafe_code, reason = "ioctl and mmap of the V4L2 interface")]

use crate::clock;
use crate::picture::frame::PictureSize;
use conclave_protocol::time::Instant;
use rustix::fd::{AsFd, BorrowedFd};
use std::ffi::c_void;
use std::io;
use std::mem;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use v4l::device::Handle;
use v4l::v4l_sys::{
    V4L2_BUF_FLAG_ERROR, V4L2_BUF_FLAG_TIMESTAMP_MASK, V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC,
    V4L2_CAP_DEVICE_CAPS, V4L2_CAP_STREAMING, V4L2_CAP_VIDEO_CAPTURE,
    v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE as VIDEO_CAPTURE, v4l2_buffer, v4l2_capability,
    v4l2_colorspace_V4L2_COLORSPACE_JPEG, v4l2_field_V4L2_FIELD_ANY, v4l2_fmtdesc, v4l2_format,
    v4l2_memory_V4L2_MEMORY_MMAP as MMAP, v4l2_quantization_V4L2_QUANTIZATION_DEFAULT,
    v4l2_quantization_V4L2_QUANTIZATION_FULL_RANGE, v4l2_requestbuffers,
};
use v4l::v4l2::{self, vidioc};

/// `V4L2_CAP_IO_MC` of Linux 5.9, which the bindings do not have yet.
const NEEDS_LINKS: u32 = 0x2000_0000;

/// Who a camera is; stays the same when its node's number changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) driver: String,
    pub(crate) name: String,
    pub(crate) bus: String,
    /// Whether the node gives pictures by streaming; cameras have other nodes too.
    pub(crate) captures: bool,
    /// Whether other nodes have to be linked and set up before it gives any, as those of camera modules.
    pub(crate) needs_links: bool,
}

/// Asks a device who it is.
pub(crate) fn identity(device: &v4l::Device) -> io::Result<Identity> {
    // SAFETY: all fields are integers, for which zero is a value.
    let mut answer: v4l2_capability = unsafe { mem::zeroed() };
    ioctl(&device.handle(), vidioc::VIDIOC_QUERYCAP, &mut answer)?;
    let caps = if answer.capabilities & V4L2_CAP_DEVICE_CAPS == 0 {
        answer.capabilities
    } else {
        answer.device_caps
    };
    let needed = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
    Ok(Identity {
        driver: text(&answer.driver),
        name: text(&answer.card),
        bus: text(&answer.bus_info),
        captures: caps & needed == needed,
        needs_links: caps & NEEDS_LINKS != 0,
    })
}

/// The formats that a device offers, by four-character code, with their descriptions.
pub(crate) fn formats(device: &v4l::Device) -> Vec<([u8; 4], String)> {
    /// Far more than any driver has; ends the loop for one that never says it is at its end.
    const MOST: u32 = 256;
    let mut found = Vec::new();
    for index in 0..MOST {
        let mut format = v4l2_fmtdesc {
            index,
            type_: VIDEO_CAPTURE,
            // SAFETY: all fields are integers, for which zero is a value.
            ..unsafe { mem::zeroed() }
        };
        if ioctl(&device.handle(), vidioc::VIDIOC_ENUM_FMT, &mut format).is_err() {
            break;
        }
        found.push((format.pixelformat.to_le_bytes(), text(&format.description)));
    }
    if found.is_empty()
        && let Some(set) = format_now(device)
    {
        // The driver lists none, but has one.
        found.push((set, String::new()));
    }
    found
}

/// The four characters of the format that a device is set to.
fn format_now(device: &v4l::Device) -> Option<[u8; 4]> {
    // SAFETY: integers and a union of structs of integers, for all of which zero is a value.
    let mut format: v4l2_format = unsafe { mem::zeroed() };
    format.type_ = VIDEO_CAPTURE;
    ioctl(&device.handle(), vidioc::VIDIOC_G_FMT, &mut format).ok()?;
    // SAFETY: for this buffer type the kernel fills in `pix`.
    Some(unsafe { format.fmt.pix }.pixelformat.to_le_bytes())
}

/// What a device was set to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SetFormat {
    pub(crate) fourcc: [u8; 4],
    pub(crate) size: PictureSize,
    /// Bytes from one row to the next; 0 for compressed pictures.
    pub(crate) stride: usize,
    pub(crate) full_range: bool,
}

/// Sets format and size; the driver may choose others, which are returned.
pub(crate) fn set_format(
    device: &v4l::Device,
    fourcc: [u8; 4],
    size: PictureSize,
) -> io::Result<SetFormat> {
    // SAFETY: integers and a union of structs of integers, for all of which zero is a value.
    let mut format: v4l2_format = unsafe { mem::zeroed() };
    format.type_ = VIDEO_CAPTURE;
    format.fmt.pix.width = size.width;
    format.fmt.pix.height = size.height;
    format.fmt.pix.pixelformat = u32::from_le_bytes(fourcc);
    format.fmt.pix.field = v4l2_field_V4L2_FIELD_ANY;
    ioctl(&device.handle(), vidioc::VIDIOC_S_FMT, &mut format)?;
    // SAFETY: for this buffer type the kernel fills in `pix`.
    let pix = unsafe { format.fmt.pix };
    Ok(SetFormat {
        fourcc: pix.pixelformat.to_le_bytes(),
        size: PictureSize::new(pix.width, pix.height),
        stride: pix.bytesperline as usize,
        full_range: pix.quantization == v4l2_quantization_V4L2_QUANTIZATION_FULL_RANGE
            || pix.quantization == v4l2_quantization_V4L2_QUANTIZATION_DEFAULT
                && pix.colorspace == v4l2_colorspace_V4L2_COLORSPACE_JPEG,
    })
}

fn text(bytes: &[u8]) -> String {
    let length = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

/// `argument` has to be the type that the request is defined with; the callers in this file see to that.
fn ioctl<T>(handle: &Handle, request: vidioc::_IOC_TYPE, argument: &mut T) -> io::Result<()> {
    loop {
        // SAFETY: the kernel reads and writes one T, which the exclusive reference covers.
        match unsafe {
            v4l2::ioctl(
                handle.fd(),
                request,
                ptr::from_mut(argument).cast::<c_void>(),
            )
        } {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A capture stream that is switched on; dropping it switches it off.
pub(crate) struct MappedStream {
    shared: Arc<Shared>,
}

struct Shared {
    handle: Arc<Handle>,
    buffers: Vec<Buffer>,
    /// Cleared when the stream ends: from then on buffers do not go back to the driver.
    streaming: AtomicBool,
}

struct Buffer {
    start: NonNull<u8>,
    length: usize,
    /// How many [`DriverFrame`]s look at it; 0 while the driver owns it.
    readers: AtomicU32,
}

// SAFETY: the mapping is memory shared with the kernel, valid on all threads; it is only read, and only by readers that
// keep it from the driver.
unsafe impl Send for Buffer {}
// SAFETY: as above; the counter is atomic.
unsafe impl Sync for Buffer {}

/// A buffer that the driver filled.
pub(crate) struct Dequeued {
    pub(crate) frame: DriverFrame,
    pub(crate) sequence: u32,
    pub(crate) captured: Instant,
    /// The driver knows that data was lost.
    pub(crate) damaged: bool,
}

/// A filled buffer of the driver; it goes back when the last clone is dropped.
pub(crate) struct DriverFrame {
    shared: Arc<Shared>,
    index: usize,
    used: usize,
}

impl MappedStream {
    /// Maps about `count` buffers, gives all to the driver and switches the stream on.
    pub(crate) fn start(handle: Arc<Handle>, count: u32) -> io::Result<Self> {
        let mut request = v4l2_requestbuffers {
            count,
            type_: VIDEO_CAPTURE,
            memory: MMAP,
            // SAFETY: all fields are integers, for which zero is a value.
            ..unsafe { mem::zeroed() }
        };
        ioctl(&handle, vidioc::VIDIOC_REQBUFS, &mut request)?;
        let mut buffers = Vec::new();
        for index in 0..request.count {
            match map(&handle, index) {
                Ok(buffer) => buffers.push(buffer),
                Err(error) => {
                    buffers.iter().for_each(Buffer::unmap);
                    return Err(error);
                }
            }
        }
        // From here on dropping `stream` undoes everything.
        let stream = Self {
            shared: Arc::new(Shared {
                handle,
                buffers,
                streaming: AtomicBool::new(true),
            }),
        };
        for index in 0..request.count {
            stream.shared.queue(index)?;
        }
        ioctl(
            &stream.shared.handle,
            vidioc::VIDIOC_STREAMON,
            &mut VIDEO_CAPTURE.cast_signed(),
        )?;
        Ok(stream)
    }

    /// Takes the oldest filled buffer; `None` if there is none yet.
    pub(crate) fn dequeue(&self) -> io::Result<Option<Dequeued>> {
        let mut filled = new_buffer(0);
        match ioctl(&self.shared.handle, vidioc::VIDIOC_DQBUF, &mut filled) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            result => result?,
        }
        let index = filled.index as usize;
        let Some(buffer) = self.shared.buffers.get(index) else {
            return Err(io::Error::other(format!("driver names buffer {index}")));
        };
        // The kernel handed this buffer to us alone, so there was no reader.
        buffer.readers.store(1, Ordering::Release);
        let frame = DriverFrame {
            shared: Arc::clone(&self.shared),
            index,
            used: (filled.bytesused as usize).min(buffer.length),
        };
        Ok(Some(Dequeued {
            frame,
            sequence: filled.sequence,
            captured: monotonic(&filled).unwrap_or_else(clock::now),
            damaged: filled.flags & V4L2_BUF_FLAG_ERROR != 0,
        }))
    }
}

fn new_buffer(index: u32) -> v4l2_buffer {
    v4l2_buffer {
        index,
        type_: VIDEO_CAPTURE,
        memory: MMAP,
        // SAFETY: integers and unions of integers and pointers, for all of which zero is a value.
        ..unsafe { mem::zeroed() }
    }
}

/// The driver's timestamp, if it is of our clock.
fn monotonic(buffer: &v4l2_buffer) -> Option<Instant> {
    if buffer.flags & V4L2_BUF_FLAG_TIMESTAMP_MASK != V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC {
        return None;
    }
    let seconds = u64::try_from(buffer.timestamp.tv_sec).ok()?;
    let micros = u64::try_from(buffer.timestamp.tv_usec).ok()?;
    let at = seconds.checked_mul(1_000_000)?.checked_add(micros)?;
    (at > 0).then_some(Instant::from_micros(at))
}

fn map(handle: &Handle, index: u32) -> io::Result<Buffer> {
    let mut query = new_buffer(index);
    ioctl(handle, vidioc::VIDIOC_QUERYBUF, &mut query)?;
    let length = query.length as usize;
    // SAFETY: for V4L2_MEMORY_MMAP the kernel fills in `offset`.
    let offset = unsafe { query.m.offset };
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // By 64-bit offsets, as a 32-bit processor's own cannot hold each of the kernel's.
    // SAFETY: a new mapping at an address of the kernel's choice.
    let start = unsafe {
        libc::mmap64(
            ptr::null_mut(),
            length,
            protection,
            libc::MAP_SHARED,
            handle.fd(),
            libc::off64_t::from(offset),
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let start =
        NonNull::new(start.cast::<u8>()).ok_or_else(|| io::Error::other("mapped at address 0"))?;
    Ok(Buffer {
        start,
        length,
        readers: AtomicU32::new(0),
    })
}

impl AsFd for MappedStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the handle owns the descriptor and lives as long as `self`.
        unsafe { BorrowedFd::borrow_raw(self.shared.handle.fd()) }
    }
}

impl Drop for MappedStream {
    fn drop(&mut self) {
        self.shared.streaming.store(false, Ordering::Release);
        let handle = &self.shared.handle;
        // All of this fails when the camera was unplugged, and nothing is left to do then.
        let _ = ioctl(
            handle,
            vidioc::VIDIOC_STREAMOFF,
            &mut VIDEO_CAPTURE.cast_signed(),
        );
        // Frees the device for the next opener even while readers hold buffers, on kernels that let mapped buffers be
        // orphaned (5.0).
        let mut none = v4l2_requestbuffers {
            count: 0,
            type_: VIDEO_CAPTURE,
            memory: MMAP,
            // SAFETY: all fields are integers, for which zero is a value.
            ..unsafe { mem::zeroed() }
        };
        let _ = ioctl(handle, vidioc::VIDIOC_REQBUFS, &mut none);
    }
}

impl Shared {
    fn queue(&self, index: u32) -> io::Result<()> {
        ioctl(&self.handle, vidioc::VIDIOC_QBUF, &mut new_buffer(index))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.buffers.iter().for_each(Buffer::unmap);
    }
}

impl Buffer {
    fn unmap(&self) {
        // SAFETY: mapped in `map` with this length; called once, by the last owner.
        let _ = unsafe { v4l2::munmap(self.start.as_ptr().cast::<c_void>(), self.length) };
    }
}

impl DriverFrame {
    /// What the driver wrote.
    pub(crate) fn bytes(&self) -> &[u8] {
        let buffer = &self.shared.buffers[self.index];
        // SAFETY: `used` was capped to the mapping's length; the mapping lives as long as `shared`; while this reader
        // exists the driver does not own the buffer and nothing writes to it.
        unsafe { std::slice::from_raw_parts(buffer.start.as_ptr(), self.used) }
    }
}

impl Clone for DriverFrame {
    fn clone(&self) -> Self {
        self.shared.buffers[self.index]
            .readers
            .fetch_add(1, Ordering::Relaxed);
        Self {
            shared: Arc::clone(&self.shared),
            index: self.index,
            used: self.used,
        }
    }
}

impl Drop for DriverFrame {
    fn drop(&mut self) {
        let last = self.shared.buffers[self.index]
            .readers
            .fetch_sub(1, Ordering::AcqRel)
            == 1;
        if last && self.shared.streaming.load(Ordering::Acquire) {
            // Fails only when the stream just ended or the camera is gone, which the next dequeue reports.
            let _ = self
                .shared
                .queue(u32::try_from(self.index).unwrap_or(u32::MAX));
        }
    }
}
