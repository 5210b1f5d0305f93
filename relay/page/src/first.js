// Runs while the page is read, before anything is painted: the looks that were chosen, and the sign-in page in the
// words of this browser. No module, since those run after the first paint; app.js takes over from here.

/** What the sign-in page says, as in words/; its English stands in index.html. @type {Record<string, Record<string, string>>} */
const WORDS = {
    en: {
        join: 'Join',
        invited: 'You are invited to a meeting',
    },
    de: {
        sign_in: 'Anmelden',
        join: 'Beitreten',
        who_is_this: 'Ihr Name',
        invited: 'Einladung zu einer Besprechung',
        name: 'Name',
        name_hint: 'Wird den anderen im Gespräch angezeigt.',
        email: 'E-Mail',
        honest: 'Im Browser ist eine Besprechung nicht Ende-zu-Ende-verschlüsselt: Auch der Server könnte mitsehen und mithören.',
    },
    vi: {
        sign_in: 'Đăng nhập',
        join: 'Tham gia',
        who_is_this: 'Tên của bạn',
        invited: 'Bạn được mời vào cuộc họp',
        name: 'Tên',
        name_hint: 'Hiển thị cho những người khác trong cuộc gọi.',
        email: 'Email',
        honest: 'Trong trình duyệt, cuộc họp không được mã hóa đầu cuối: máy chủ cũng có thể thấy và nghe.',
    },
};

/** @param {string} storage @param {string} key @returns {any} as net/keep.js keeps it */
function kept(storage, key) {
    try {
        return JSON.parse(/** @type {any} */ (window)[storage].getItem(`conclave.${key}`) ?? 'null');
    } catch {
        return null;
    }
}

const chosen = kept('localStorage', 'preferences') ?? {};
const root = document.documentElement;
const signIn = /** @type {HTMLElement} */ (document.getElementById('sign-in'));
const byLink = /^#j=[A-Za-z0-9_-]{1,512}$/.test(location.hash) || kept('sessionStorage', 'token') !== null;

if (chosen.theme === 'dark' || chosen.theme === 'light') root.dataset.theme = chosen.theme;
root.lang =
    [chosen.language, ...navigator.languages]
        .map((tag) => String(tag).toLowerCase().split('-')[0])
        .find((tag) => tag in WORDS) ?? 'en';

for (const element of /** @type {NodeListOf<HTMLElement>} */ (signIn.querySelectorAll('[data-word]'))) {
    const { word = '', wordByLink = word } = element.dataset;
    if (byLink) element.dataset.word = wordByLink;
    element.textContent = WORDS[root.lang][byLink ? wordByLink : word] ?? element.textContent;
}
for (const name of ['username', 'email']) {
    const input = /** @type {HTMLInputElement} */ (signIn.querySelector(`[name="${name}"]`));
    input.value ||= chosen[name] ?? '';
}
if (byLink) signIn.querySelector('.field:has([name="email"])')?.remove();
// Who comes back is not asked who they are.
if (kept('sessionStorage', 'session')?.identity) signIn.hidden = true;
// Who is quicker than the rest of the page is signed in when it is there (ui/sign_in.js).
document.addEventListener('submit', (event) => {
    event.preventDefault();
    /** @type {HTMLElement} */ (event.target).dataset.submitted = '';
});
