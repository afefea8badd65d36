// session.js: signing in and out, and the password that has to be changed first.
import { h } from './dom.js';
import { forget, post, remember, session, unsigned } from './api.js';
import { form } from './form.js';

export function signInView(done, note) {
    const element = h(
        'div',
        { class: 'door panel' },
        h('h1', { tabindex: -1 }, 'swipesavvy console'),
        note && h('p', { role: 'status' }, note),
        form(
            [
                { name: 'email', label: 'E-mail', kind: 'email' },
                { name: 'password', label: 'Password', kind: 'password' },
            ],
            'Sign in',
            async ({ email, password }) => {
                remember(await unsigned('/api/auth/sign-in', { email, password }), email);
                done();
            },
        ),
    );
    return element;
}

export function passwordView(done, isForced) {
    return h(
        'div',
        { class: 'door panel' },
        h('h1', { tabindex: -1 }, 'Change your password'),
        isForced && h('p', null, 'You have signed in with a temporary password. Take one of your own before anything else.'),
        form(
            [
                { name: 'old_password', label: 'Present password', kind: 'password' },
                { name: 'new_password', label: 'New password', kind: 'password', hint: '8 to 1,000 characters. All other sessions end.' },
            ],
            'Change it',
            async (values) => {
                remember(await post(['api', 'auth', 'change-password'], values));
                done();
            },
        ),
    );
}

export async function signOut() {
    const { refresh } = session;
    try {
        if (refresh) await post(['api', 'auth', 'sign-out'], { refresh_token: refresh });
    } finally {
        forget();
    }
}
