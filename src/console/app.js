// app.js: which view is shown, by the part of the address behind "#", and the menu of what the role may see.
import { h } from './dom.js';
import { may, resume, session } from './api.js';
import { button } from './ui.js';
import { passwordView, signInView, signOut } from './session.js';
import { overviewView } from './overview.js';
import { campaignsView } from './campaigns.js';
import { flagsView } from './flags.js';
import { testsView } from './tests.js';
import { peopleView } from './people.js';
import { merchantsView } from './merchants.js';
import { operationsView } from './operations.js';
import { words } from './format.js';

// In the order of the menu; a view without a title is reached from another one.
const views = {
    overview: { title: 'Overview', roles: ['admin', 'analytics'], show: overviewView },
    campaigns: { title: 'Campaigns', roles: ['admin', 'analytics'], show: campaignsView },
    flags: { title: 'Flags and tests', roles: ['admin', 'analytics', 'backend'], show: flagsView },
    tests: { menu: 'flags', roles: ['admin', 'analytics'], show: testsView },
    people: { title: 'People', roles: ['admin', 'support'], show: peopleView },
    merchants: { title: 'Merchants', roles: ['admin', 'analytics', 'support', 'backend'], show: merchantsView },
    operations: { title: 'Operations', roles: ['admin'], show: operationsView },
    password: {
        roles: ['admin', 'analytics', 'support', 'backend', 'customer'],
        show: () => [
            passwordView(() => {
                location.hash = '';
            }, false),
        ],
    },
};
const main = document.getElementById('main');
const header = document.getElementById('top');

function seen() {
    return Object.entries(views).filter(([, view]) => view.title && may(...view.roles));
}

function showMenu(current) {
    header.hidden = !session.access;
    if (header.hidden) {
        header.replaceChildren();
        return;
    }
    const entries = seen().map(([id, view]) => h('a', { href: '#/' + id, 'aria-current': id === current ? 'page' : null }, view.title));
    const out = button(
        'Sign out',
        async () => {
            await signOut();
            location.hash = '';
            show();
        },
        { class: 'plain' },
    );
    header.replaceChildren(
        h('a', { class: 'mark', href: '#/' }, 'swipesavvy'),
        h('nav', { 'aria-label': 'Views' }, session.mustChange ? [] : entries),
        h(
            'div',
            { class: 'who' },
            h('a', { href: '#/password', title: 'Change your password' }, session.email),
            h('span', { class: 'quiet' }, words(session.role)),
            out,
        ),
    );
    const here = header.querySelector('[aria-current]');
    if (here) here.scrollIntoView({ block: 'nearest', inline: 'center' });
}

function nothing() {
    return [
        h(
            'div',
            { class: 'door panel' },
            h('h1', { tabindex: -1 }, 'Nothing to see here'),
            h('p', null, `The role \u201c${session.role}\u201d has no view on this page.`),
        ),
    ];
}

function contentOf(name, path) {
    if (!session.access) return [signInView(show)];
    if (session.mustChange) return [passwordView(show, true)];
    const view = views[name];
    return view && may(...view.roles) ? view.show(path) : nothing();
}

let shownBefore = false;
function show(note) {
    const [first, ...path] = location.hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decodeURIComponent);
    const name = first || (seen()[0] || ['none'])[0];
    document.title = 'swipesavvy console';
    showMenu((views[name] || {}).menu || name);
    main.replaceChildren(...(typeof note === 'string' ? [signInView(show, note)] : contentOf(name, path)).flat(Infinity).filter(Boolean));
    main.dataset.view = name;
    window.scrollTo(0, 0);
    // who goes from view to view by keyboard begins at the top of each
    const start = main.querySelector('.door input') || main.querySelector('h1') || main;
    if (shownBefore || start.matches('input')) start.focus();
    shownBefore = true;
}

window.addEventListener('hashchange', show);
window.addEventListener('signedout', () => show('The session is over. Sign in again.'));
document.getElementById('skip').addEventListener('click', (event) => {
    event.preventDefault();
    (main.querySelector('h1') || main).focus();
});
await resume();
show();
