//! What a person does in a room, but for its chat.

use crate::engine::Intent;
use crate::picture::frame::PictureSize;
use crate::ui::app::App;
use crate::ui::pages::room::Layout;
use conclave_ui::Drawer;

impl App {
    pub(in crate::ui) fn set_microphone(&mut self, on: bool) {
        self.host.want(Intent::Microphone(on));
    }

    pub(in crate::ui) fn set_camera(&mut self, on: bool) {
        self.host.want(Intent::Camera(on));
    }

    pub(in crate::ui) fn set_volume(&mut self, percent: i32) {
        self.volume = percent.clamp(0, 100);
        self.host.want(Intent::Volume(self.volume as u8));
    }

    pub(in crate::ui) const fn set_speaker_view(&mut self, on: bool) {
        if let Some(room) = &mut self.room {
            room.speaker_view = on;
        }
    }

    pub(in crate::ui) fn set_drawer(&mut self, drawer: Drawer) {
        if let Some(room) = &mut self.room {
            room.drawer = drawer;
            if drawer == Drawer::Chat {
                room.chat.read();
            }
        }
    }

    /// The tiles that can be seen now: the first one and how many, their size, and the large one's size.
    pub(in crate::ui) fn lay_out(
        &mut self,
        (first, count): (i32, i32),
        tile: (i32, i32),
        large: (i32, i32),
    ) {
        if let Some(room) = &mut self.room {
            room.layout = Layout {
                first: usize::try_from(first).unwrap_or(0),
                count: usize::try_from(count).unwrap_or(0),
                tile: size(tile),
                large: size(large),
            };
        }
    }

    pub(in crate::ui) fn leave_room(&mut self) {
        self.host.want(Intent::LeaveRoom);
        self.way.end();
        self.out_of_room();
        self.go(self.home());
    }
}

fn size((width, height): (i32, i32)) -> PictureSize {
    let pixels = |length: i32| u32::try_from(length).unwrap_or(0);
    PictureSize::new(pixels(width), pixels(height))
}
