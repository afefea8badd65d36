// api.js: calls of the API, and the tokens that they go with.
//
// The access token is in memory alone. The refresh token is in sessionStorage, so that a reload of the tab does not sign out; it is
// gone with the tab. A refusal of the server is a CallError.

const KEPT = 'swipesavvy';
export const session = { access: null, refresh: null, role: null, email: null, until: 0, mustChange: false };

export class CallError extends Error {
    constructor(status, body) {
        super(body.message || body.error || 'The server answered with status ' + status);
        this.status = status;
        this.code = body.code || null;
        this.details = body.details || null;
        this.hint = body.hint || null;
    }

    // The argument that is named as bad, or null.
    get argument() {
        const named = /argument "([a-z_]+)/.exec(this.message);
        return named && named[1];
    }
}

function keep() {
    const { refresh, role, email } = session;
    if (refresh) sessionStorage.setItem(KEPT, JSON.stringify({ refresh, role, email }));
    else sessionStorage.removeItem(KEPT);
}

export function forget() {
    Object.assign(session, { access: null, refresh: null, role: null, email: null, until: 0, mustChange: false });
    keep();
}

// Tokens as sign_in, refresh_session and change_password give them.
export function remember(tokens, email) {
    Object.assign(session, {
        access: tokens.access_token,
        refresh: tokens.refresh_token,
        role: tokens.role,
        email: email || session.email,
        until: Date.now() + tokens.expires_in * 1000,
        mustChange: tokens.must_change_password,
    });
    keep();
}

async function send(method, path, body, token) {
    const headers = { Accept: 'application/json' };
    if (token) headers.Authorization = 'Bearer ' + token;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    let answer;
    try {
        answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch (error) {
        throw new CallError(0, { message: 'The server cannot be reached', details: error.message });
    }
    const text = await answer.text();
    let content = null;
    try {
        content = text === '' ? null : JSON.parse(text);
    } catch {
        throw new CallError(answer.status, { message: 'The server answered with something else than JSON', details: text.slice(0, 300) });
    }
    if (!answer.ok) throw new CallError(answer.status, content || {});
    return content;
}

export function unsigned(path, body) {
    return send('POST', path, body);
}

// One at a time, for all that wait for it: a refresh token is good for one use.
let refreshing = null;
async function renew() {
    try {
        remember(await unsigned('/api/auth/refresh', { refresh_token: session.refresh }));
    } catch (error) {
        if (error.status !== 401) throw error;
        forget();
        window.dispatchEvent(new Event('signedout'));
        throw new CallError(401, { message: 'The session is over', details: 'Sign in again.' });
    }
}
function renewOnce() {
    if (!refreshing)
        refreshing = renew().finally(() => {
            refreshing = null;
        });
    return refreshing;
}

// True if a session was kept and goes on.
export async function resume() {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) || 'null');
    if (!kept) return false;
    Object.assign(session, kept);
    try {
        await renewOnce();
        return true;
    } catch {
        return false;
    }
}

async function call(method, path, body) {
    if (session.refresh && Date.now() > session.until - 30000) await renewOnce();
    try {
        return await send(method, path, body, session.access);
    } catch (error) {
        if (error.status !== 401 || !session.refresh) throw error;
        await renewOnce();
        return send(method, path, body, session.access);
    }
}

function given(values) {
    return Object.entries(values || {}).filter(([, value]) => value !== null && value !== undefined && value !== '');
}

// A route, with path segments that are percent-encoded: get(['api', 'users', id], {page_size: 20}).
function pathOf(segments) {
    return '/' + segments.map(encodeURIComponent).join('/');
}
export function get(segments, query) {
    const parameters = new URLSearchParams(given(query)).toString();
    return call('GET', pathOf(segments) + (parameters && '?' + parameters));
}
export function post(segments, body = {}) {
    return call('POST', pathOf(segments), body);
}
export function put(segments, body) {
    return call('PUT', pathOf(segments), body);
}
export function remove(segments) {
    return call('DELETE', pathOf(segments));
}

// A function that has no route, by PostgREST's own path.
export function rpc(name, values) {
    return call('POST', '/rpc/' + name, Object.fromEntries(given(values)));
}

export function may(...roles) {
    return roles.includes(session.role);
}
