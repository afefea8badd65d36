// The operators' page in a browser: what 760_console.pl starts. node console_page.js MODULES CHROMIUM URL SCREENSHOTS PROFILE
// Prints a line of JSON for each thing that must hold: {ok, name, note}.
'use strict';
const fs = require('fs');
const path = require('path');
const [modules, executablePath, url, screenshots] = process.argv.slice(2);
const { chromium } = require(path.join(modules, 'playwright-core'));
const axe = fs.readFileSync(path.join(modules, 'axe-core/axe.min.js'), 'utf8');
const host = new URL(url).host;
const password = 'correct horse battery';

function ok(isTrue, name, note) {
    process.stdout.write(JSON.stringify({ ok: Boolean(isTrue), name, note: note === undefined ? null : note }) + '\n');
}

// --- what must never be: errors of the page, requests elsewhere, violations of its policy ---

const wrong = [];
let refused = 0;
function watch(page) {
    page.on('pageerror', (error) => wrong.push('error: ' + error.message));
    page.on('console', (message) => {
        if (message.type() !== 'error' && message.type() !== 'warning') return;
        // the browser's own line for each answer of 400 and more
        if (message.text().startsWith('Failed to load resource')) refused += 1;
        else wrong.push('console: ' + message.text());
    });
    page.on('request', (request) => {
        const asked = new URL(request.url());
        if (asked.host !== host && !['data:', 'blob:'].includes(asked.protocol)) wrong.push('elsewhere: ' + request.url());
    });
}
function violations() {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) =>
        window.violations.push(event.violatedDirective + ' ' + event.blockedURI),
    );
}
async function checkRefused(expected, name) {
    ok(refused === expected, name, refused + ' calls were refused');
    refused = 0;
}

async function open(browser, width, height, colorScheme = 'light') {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme, locale: 'en-US', timezoneId: 'UTC' });
    const page = await context.newPage();
    page.setDefaultTimeout(20000);
    watch(page);
    await page.addInitScript(violations);
    await page.goto(url);
    await page.waitForSelector('input[name=email]');
    return page;
}

async function signIn(page, email) {
    await page.fill('input[name=email]', email);
    await page.fill('input[name=password]', password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('header .who');
}

async function settled(page) {
    await page.waitForFunction(() => ![...document.querySelectorAll('.panel .body')].some((body) => body.textContent === '\u2026'));
    await page.waitForLoadState('networkidle');
}

async function go(page, view) {
    await page.evaluate((hash) => {
        location.hash = hash;
    }, '#/' + view);
    await page.waitForFunction((name) => document.getElementById('main').dataset.view === name, view.split('/')[0]);
    await settled(page);
}

async function audit(page, name) {
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] }));
    const serious = found.violations.filter((one) => ['serious', 'critical'].includes(one.impact));
    ok(
        serious.length === 0 && found.passes.length > 5,
        `${name}: axe has no serious finding`,
        serious.map((one) => `${one.id}: ${one.nodes[0].html}`).join('; '),
    );
}

async function errorsShown(page) {
    return page.locator('.error').allTextContents();
}

// --- the steps of a day ---

async function arrive(page) {
    await page.keyboard.press('Tab');
    ok(
        await page.evaluate(() => ['skip', 'main'].includes(document.activeElement.id) || document.activeElement.matches('input')),
        'the keyboard begins at the page',
    );
    await page.fill('input[name=email]', 'root@example.com');
    await page.fill('input[name=password]', 'not this one');
    await page.click('text=Sign in >> nth=-1');
    await page.waitForSelector('.error');
    ok(
        (await errorsShown(page)).join().includes('E-mail or password is wrong'),
        'a wrong password is refused in the words of the database',
    );
    await checkRefused(1, 'and that is the one call that was refused');
    await signIn(page, 'root@example.com');
    await settled(page);
    ok(
        (await page.locator('header nav a').allTextContents()).join() === 'Overview,Campaigns,Flags and tests,People,Merchants,Operations',
        'an admin sees all views',
    );
}

async function overview(page) {
    const height = await page.evaluate(() => [document.documentElement.scrollHeight, window.innerHeight]);
    ok(height[0] <= height[1], 'the overview is on one screen of 1440 by 900', height.join(' of '));
    ok((await page.locator('.tile').count()) === 6 && (await page.locator('figure svg rect.mark').count()) > 2, 'with figures and charts');
    ok((await page.locator('.tile', { hasText: 'Purchases today' }).locator('b').textContent()) === '43', 'which are those of the database');
}

async function createCampaign(page) {
    await go(page, 'campaigns');
    await page.click('text=New campaign');
    await page.waitForSelector('input[name=name]');
    await page.fill('input[name=name]', 'Autumn <b>coffee</b>');
    await page.selectOption('select[name=campaign_type]', 'SEASONAL');
    await page.fill('input[name=offer_amount]', '-5');
    await page.fill('input[name=start_date]', '2026-01-01T00:00');
    await page.fill('input[name=budget]', '500');
    await page.fill('input[name=campaign_id]', 'AUTUMN');
    await page.click('text=Create the draft');
    await page.waitForSelector('.error');
    const field = page.locator('input[name=offer_amount]');
    ok(
        (await field.getAttribute('aria-invalid')) === 'true' && (await page.locator('.wrong:not(:empty)').textContent()).includes('-5'),
        'a bad value is marked in its field, with the detail of the database',
    );
    ok(await field.evaluate((input) => input === document.activeElement), 'which has the focus');
    await checkRefused(1, 'the bad campaign was refused');
    await field.fill('20');
    await page.click('text=What would it have given?');
    await page.click('dialog button:has-text("Work it out")');
    await page.waitForSelector('dialog h3');
    ok(
        (await page.locator('dialog dd').first().textContent()) === '43',
        'before it is there: what it would have given',
        await page.locator('dialog').textContent(),
    );
    await audit(page, 'the simulation');
    await page.keyboard.press('Escape');
    ok((await page.locator('dialog').count()) === 0, 'Escape closes a dialog');
    await page.click('text=Create the draft');
    await page.waitForSelector('h1:has-text("Autumn")');
    ok((await page.locator('h1').textContent()) === 'Autumn <b>coffee</b>', 'a name is text, whatever is in it');
}

async function launchCampaign(page) {
    await page.click('button:has-text("Launch")');
    await page.waitForSelector('.under .badge.running');
    await settled(page);
    await page.waitForSelector('figure svg[role=img]');
    const chart = page.locator('figure', { hasText: 'Redemptions' }).first();
    ok(
        (await chart.locator('svg').getAttribute('aria-label')).startsWith('Redemptions: at last'),
        'a running campaign has charts that say what they show',
    );
    ok((await chart.locator('svg text').count()) > 4, 'with axes');
    await chart.locator('button:has-text("Figures")').click();
    ok((await chart.locator('tbody tr').count()) === 30, 'and their figures in a table');
    await audit(page, 'a campaign');
    await go(page, 'campaigns');
    await page.fill('input[name=search]', 'Autumn');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    ok(true, 'the list finds it');
}

async function toggleFlag(page) {
    await go(page, 'flags');
    const flag = page.locator('tr', { hasText: 'new_home' }).locator('input[role=switch]');
    ok(!(await flag.isChecked()), 'a flag that is off');
    await flag.click();
    await page.waitForFunction(() =>
        [...document.querySelectorAll('tr')].some((row) => row.textContent.includes('new_home') && row.querySelector('input').checked),
    );
    ok(true, 'is switched on');
    await go(page, 'flags/new_home');
    await page.locator('input[type=range]').fill('25');
    await page.click('text=Roll out');
    await page.waitForFunction(() => document.getElementById('said').textContent === 'Rolled out to 25 per cent');
    await settled(page);
    await page.click('text=What do they see?');
    await page.waitForSelector('dt:has-text("Because of")');
    ok(true, 'rolled out, and evaluated');
}

async function readTest(page) {
    await go(page, 'tests');
    await page.click('text=Five or ten');
    await page.waitForSelector('figure.forest svg line.interval', { state: 'attached' });
    ok((await page.locator('figure.forest svg line.interval').count()) > 1, 'a test has a plot of differences with their intervals');
    ok((await page.locator('section.panel', { hasText: 'Results' }).first().textContent()).includes('Keep running'), 'and a recommendation');
}

async function explainPurchase(page) {
    await go(page, 'people');
    await page.fill('input[name=search]', 'celine');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    await page.click('tbody th a');
    await page.waitForSelector('h1:has-text("line")');
    await settled(page);
    await page.click('button:has-text("Why?") >> nth=0');
    await page.waitForSelector('dialog table');
    ok(
        (await page.locator('dialog').textContent()).includes('Spring'),
        'why a purchase earned that',
        await page.locator('dialog').textContent(),
    );
    await page.keyboard.press('Tab');
    ok(await page.evaluate(() => document.querySelector('dialog').contains(document.activeElement)), 'the focus stays in the dialog');
    await page.keyboard.press('Escape');
    ok(await page.evaluate(() => document.activeElement.textContent === 'Why?'), 'and goes back to where it was');
    await audit(page, 'a person');
}

async function acknowledgeAlert(page) {
    await go(page, 'operations');
    await page.click('button:has-text("Acknowledge")');
    await page.fill('dialog textarea', 'a disk is on its way');
    await page.click('dialog button:has-text("Acknowledge")');
    await page.waitForSelector('td:has-text("a disk is on its way")');
    ok(true, 'an alert is acknowledged');
    await page.selectOption('.tools select >> nth=0', 'disk_percent');
    await page.selectOption('.tools select >> nth=1', '1');
    await page.waitForSelector('figure svg circle.dot');
    ok((await page.locator('figure svg').getAttribute('aria-label')).includes('Mean 62.5'), 'and its figure has a chart of what it was');
}

const VIEWS = [
    'overview',
    'campaigns',
    'campaigns/SPRING',
    'campaigns/SPRING/edit',
    'campaigns/new',
    'flags',
    'flags/new/flag',
    'flags/new_home',
    'tests',
    'tests/new',
    'tests/00000000-0000-7000-8000-0000000000e5',
    'people',
    'people/00000000-0000-7000-8000-000000000ce1',
    'merchants',
    'merchants/new',
    'merchants/reviews',
    'merchants/00000000-0000-7000-8000-00000000cafe',
    'operations',
    'operations/jobs',
    'operations/sinks',
    'operations/audit',
    'operations/settings',
    'password',
];

// Every view: without an error, without a finding, and no wider than the screen.
async function everyView(page, width) {
    for (const view of VIEWS) {
        await go(page, view);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        const errors = await errorsShown(page);
        ok(wide <= 0 && errors.length === 0, `${view} at ${width}`, `${wide} too wide; ${errors.join('; ')}`);
        if (width !== 390) await audit(page, `${view} at ${width}`); // the colours of light and dark
        if (screenshots) await page.screenshot({ path: path.join(screenshots, `${width}-${view.replace(/\W+/g, '-')}.png`) });
    }
}

async function otherRoles(browser) {
    for (const [role, menu] of [
        ['support', 'People,Merchants'],
        ['analytics', 'Overview,Campaigns,Flags and tests,Merchants'],
        ['customer', ''],
    ]) {
        const page = await open(browser, 1200, 800);
        await signIn(page, role + '@example.com');
        await settled(page);
        const entries = (await page.locator('header nav[aria-label=Views] a').allTextContents()).join();
        ok(entries === menu, `what ${role} sees`, entries);
        if (role === 'analytics') {
            await go(page, 'campaigns/SPRING');
            ok(
                (await page.locator('button:has-text("Pause")').count()) === 0 &&
                    (await page.locator('button:has-text("What would it")').count()) === 1,
                'who may only read has no buttons that change',
            );
        }
        if (role !== 'customer') await checkRefused(0, `and ${role} asks for nothing that is refused`);
        await page.context().close();
    }
}

async function signOut(page) {
    await go(page, 'overview');
    await page.reload();
    await page.waitForSelector('.tile');
    ok(true, 'a reload does not sign out');
    await page.click('text=Sign out');
    await page.waitForSelector('input[name=email]');
    await page.reload();
    await page.waitForSelector('input[name=email]');
    ok((await page.evaluate(() => sessionStorage.length)) === 0, 'signed out, nothing is kept');
}

async function main() {
    const browser = await chromium.launch({
        executablePath,
        args: [
            '--no-sandbox',
            '--disable-gpu',
            '--disable-quic',
            '--no-first-run',
            '--disable-background-networking',
            '--disable-component-update',
            '--disable-sync',
        ],
    });
    try {
        const page = await open(browser, 1440, 900);
        await audit(page, 'signing in');
        for (const step of [arrive, overview, createCampaign, launchCampaign, toggleFlag, readTest, explainPurchase, acknowledgeAlert])
            await step(page);
        await checkRefused(0, 'nothing else was refused');
        await everyView(page, 1440);
        const violated = await page.evaluate(() => window.violations);
        await signOut(page);
        for (const [width, height, scheme] of [
            [390, 844, 'light'],
            [3840, 2160, 'dark'],
        ]) {
            const other = await open(browser, width, height, scheme);
            await signIn(other, 'root@example.com');
            await everyView(other, width);
            violated.push(...(await other.evaluate(() => window.violations)));
            await other.context().close();
        }
        await checkRefused(0, 'nor in any other view');
        await otherRoles(browser);
        ok(violated.length === 0, 'the policy of the page was kept', violated.join('; '));
        ok(wrong.length === 0, 'no error, and no request elsewhere', wrong.join('; '));
    } finally {
        await browser.close();
    }
}

main().then(
    () => ok(true, 'to the end'),
    (error) => {
        ok(false, 'to the end', error.stack);
        process.exit(1);
    },
);
