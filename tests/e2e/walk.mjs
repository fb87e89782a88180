// Walks through every page in a real Chromium, from an invitation link to the app and back.
//
// Reads one JSON object from the environment variable WALK:
//   server       "127.0.0.1:PORT" that answers for `origin`
//   origin       what the browser sees, for example "http://app.localhost"
//   invitation   path of an invitation link
//   name         the account that it is for
//   tools        folder with node_modules
//   script       false to switch JavaScript off in the pages
//   inspect      true to run axe-core and the layout checks on every page
//   screenshots  folder for a picture of every page, or null
// Ends with status 0, or 1 and the reason on stderr.

import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';

const walk = JSON.parse(process.env.WALK);
const require = createRequire(join(walk.tools, 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const PORTAL = '/_vestibule';
const PERIOD = 30;
const DEADLINE = 30_000;
const DESKTOP = { width: 1280, height: 900 };

// What WCAG 2.2 AA asks: 1.4.10 wants 320 px without sideways scrolling; 200 % zoom of a
// 1280 px window leaves 640 px.
const VIEWS = [
  { name: 'light', colorScheme: 'light', viewport: DESKTOP },
  { name: 'dark', colorScheme: 'dark', viewport: DESKTOP },
  { name: 'phone', colorScheme: 'light', viewport: { width: 320, height: 640 } },
  { name: 'phone-dark', colorScheme: 'dark', viewport: { width: 320, height: 640 }, unfolded: true },
  { name: 'zoom', colorScheme: 'light', viewport: { width: 640, height: 450 }, unfolded: true },
];
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const scratch = mkdtempSync(join(tmpdir(), 'walk-'));
const complaints = [];
let pictures = 0;

const run = (program, ...args) => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
const portal = (path) => `${walk.origin}${PORTAL}${path}`;

/** An authenticator on the real oathtool: each time step once, the oldest accepted one first. */
class Authenticator {
  constructor(uri) {
    const url = new URL(uri);
    assert.equal(`${url.protocol}//${url.host}`, 'otpauth://totp', uri);
    this.secret = url.searchParams.get('secret');
    this.newest = 0;
  }

  async code() {
    for (;;) {
      const now = Math.floor(Date.now() / 1000);
      const oldest = Math.floor(now / PERIOD) - (now % PERIOD < PERIOD - 8 ? 1 : 0);
      const step = Math.max(oldest, this.newest + 1);
      if (step <= Math.floor(now / PERIOD) + 1) {
        this.newest = step;
        return run('oathtool', '--totp', '--base32', this.secret, '--now', `@${step * PERIOD}`);
      }
      await new Promise((done) => setTimeout(done, 250));
    }
  }
}

/** Looks at a page as people do: in light and dark, on a phone, zoomed. */
async function look(page, name) {
  if (walk.inspect) {
    for (const view of VIEWS) {
      await page.emulateMedia({ colorScheme: view.colorScheme });
      await page.setViewportSize(view.viewport);
      await page.evaluate((open) => document.querySelectorAll('details').forEach((it) => (it.open = open)), !!view.unfolded);
      await inspect(page, `${name} (${view.name})`);
      await picture(page, `${name}-${view.name}`);
    }
    await page.evaluate(() => document.querySelectorAll('details').forEach((it) => (it.open = false)));
    await page.setViewportSize(DESKTOP);
    await page.emulateMedia({ colorScheme: 'light' });
  } else {
    await picture(page, name);
  }
}

async function inspect(page, name) {
  const { violations } = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: tags }), RULES);
  for (const { id, help, nodes } of violations) {
    complaints.push(`${name}: ${id}: ${help}: ${nodes.map((node) => node.html).join(' | ')}`);
  }
  for (const direction of ['rtl', 'ltr']) {
    const excess = await page.evaluate((dir) => {
      const root = document.documentElement;
      root.dir = dir;
      return root.scrollWidth - root.clientWidth;
    }, direction);
    if (excess > 0) complaints.push(`${name}: ${excess} px wider than the window in ${direction}`);
  }
}

async function picture(page, name) {
  if (!walk.screenshots) return;
  const number = String(++pictures).padStart(3, '0');
  await page.screenshot({ path: join(walk.screenshots, `${number}-${name}.png`), fullPage: true });
}

const field = (page, name) => page.locator(`[name="${name}"]:visible`).last();

/** Fills in fields (a box for `true`) and sends the form that they stand in. */
async function submit(page, values) {
  let last;
  for (const [name, value] of Object.entries(values)) {
    last = field(page, name);
    if (value === true) await last.check();
    else await last.fill(value);
  }
  await send(page, last ? page.locator('form').filter({ has: last }).last() : page.locator('main form').first());
}

async function send(page, form) {
  const answered = page.waitForResponse((response) => response.request().isNavigationRequest() && response.request().method() === 'POST');
  await form.locator('button:not([type=button]), input[type=submit]').first().click();
  await answered;
  await page.waitForLoadState('load');
}

async function expectPurpose(page, fields) {
  for (const [name, purpose] of Object.entries(fields)) {
    assert.equal(await field(page, name).getAttribute('autocomplete'), purpose, `autocomplete of ${name}`);
  }
}

/** The app behind shows what it received; it must know the person, and must not see our cookies. */
async function expectApp(page, path) {
  assert.equal(page.url(), `${walk.origin}${path}`, 'landed on the app');
  const seen = JSON.parse(await page.locator('body').innerText());
  const all = (name) => seen.headers.filter(([key]) => key === name).map(([, value]) => value);
  assert.deepEqual(all('remote-user'), [walk.name]);
  assert.equal(all('x-vestibule-assertion').length, 1, 'one assertion');
  assert.deepEqual(all('x-forwarded-proto'), [new URL(walk.origin).protocol.slice(0, -1)]);
  assert.ok(!all('cookie').join().includes('vestibule'), 'our cookies stay here');
}

async function expectAt(page, path) {
  assert.equal(new URL(page.url()).pathname, `${PORTAL}${path}`, await page.locator('body').innerText());
}

async function expectRefused(page) {
  await page.locator('[role=alert]:visible, [aria-invalid=true]:visible').first().waitFor({ timeout: DEADLINE });
}

async function acceptInvitation(page, password) {
  await page.goto(`${walk.origin}${walk.invitation}`);
  await expectPurpose(page, { new_password: 'new-password' });
  await look(page, 'invitation');
  await submit(page, { new_password: '123456789012', new_password_again: '123456789012' });
  await expectRefused(page);
  await look(page, 'invitation-refused');
  await submit(page, { new_password: password, new_password_again: password });
}

/** Scans the code as a phone would: from the pixels. */
async function scan(page, name) {
  const path = join(scratch, `${name}.png`);
  await page.screenshot({ path, fullPage: true });
  return run('zbarimg', '--quiet', '--raw', path);
}

async function enrol(page) {
  await expectAt(page, '/enrol');
  await expectPurpose(page, { code: 'one-time-code' });
  await look(page, 'enrol');
  const uri = await scan(page, 'light');
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.equal(await scan(page, 'dark'), uri, 'the code scans in dark colours, too');
  await page.emulateMedia({ colorScheme: 'light' });
  const authenticator = new Authenticator(uri);
  const shown = (await page.locator('main').textContent()).replace(/\s/g, '');
  assert.ok(shown.includes(authenticator.secret), 'the secret stands there as text');
  await submit(page, { code: '000000' });
  await expectRefused(page);
  await look(page, 'enrol-refused');
  assert.equal(await scan(page, 'again'), uri, 'a wrong code does not change the secret');
  const code = await authenticator.code();
  await submit(page, { code: `${code.slice(0, 3)} ${code.slice(3)}` });
  return authenticator;
}

async function keepBackupCodes(page) {
  const codes = (await page.locator('main li code').allInnerTexts()).map((text) => text.trim());
  assert.equal(new Set(codes).size, 10, `ten backup codes, all different: ${codes}`);
  await expectKeepable(page, codes);
  await look(page, 'backup-codes');
  await submit(page, { kept: true });
  return codes;
}

/** The codes can be saved without script, and copied with it. */
async function expectKeepable(page, codes) {
  const saved = page.waitForEvent('download');
  await page.locator('a[download]').click();
  const file = readFileSync(await (await saved).path(), 'utf8');
  for (const code of codes) assert.ok(file.includes(code), `${code} is in the file`);
  const copy = page.getByRole('button', { name: /copy/i });
  if (!walk.script) {
    assert.equal(await copy.count(), 0, 'a button that needs script is not shown without');
    return;
  }
  await copy.click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  for (const code of codes) assert.ok(copied.includes(code), `${code} was copied`);
}

async function signOut(page) {
  await page.goto(portal('/logout'));
  await look(page, 'sign-out');
  await submit(page, {});
  await page.goto(`${walk.origin}/after`);
  await expectAt(page, '/login');
}

/** From the app to the login page and to the second factor. */
async function givePassword(page, path, password) {
  await page.goto(`${walk.origin}${path}`);
  await expectAt(page, '/login');
  await expectPurpose(page, { username: 'username', password: 'current-password' });
  await submit(page, { username: walk.name, password });
}

async function giveBackupCode(page, code) {
  const other = page.locator('a:visible, summary:visible, button:visible').filter({ hasText: /backup code/i });
  if (await other.count()) await other.first().click();
  await look(page, 'backup-code');
  await submit(page, { code });
}

async function expectOwnCookies(context) {
  const cookies = await context.cookies();
  assert.ok(cookies.length > 0, 'there is a session cookie');
  for (const cookie of cookies) {
    assert.ok(cookie.httpOnly, `${cookie.name} is HttpOnly`);
    assert.notEqual(cookie.sameSite, 'None', `${cookie.name} is not sent across sites`);
    assert.equal(cookie.secure, walk.origin.startsWith('https:'), `${cookie.name} is Secure over https`);
    if (cookie.secure) assert.ok(cookie.name.startsWith('__Host-'), `${cookie.name} is bound to its host`);
  }
}

/** The whole story of one account. */
async function story(context, page) {
  const password = 'a quiet walk through two doors';
  await acceptInvitation(page, password);
  const authenticator = await enrol(page);
  const codes = await keepBackupCodes(page);
  await expectApp(page, '/');
  await expectOwnCookies(context);

  await page.goto(portal('/account'));
  assert.ok((await page.locator('main').innerText()).includes(walk.name), 'the account page names the account');
  await look(page, 'account');
  await page.goto(portal('/no-such-page'));
  await look(page, 'not-found');
  await signOut(page);

  await page.goto(portal('/login'));
  await look(page, 'login');
  await submit(page, { username: walk.name, password: 'not the right password' });
  await expectRefused(page);
  await look(page, 'login-refused');

  await givePassword(page, '/reports?id=7&x=%2F', password);
  await expectAt(page, '/second-factor');
  await expectPurpose(page, { code: 'one-time-code' });
  await look(page, 'second-factor');
  await submit(page, { code: '000000' });
  await expectRefused(page);
  await look(page, 'second-factor-refused');
  await submit(page, { code: await authenticator.code() });
  await expectApp(page, '/reports?id=7&x=%2F');
  await signOut(page);

  await givePassword(page, '/with-backup-code', password);
  await giveBackupCode(page, codes[0]);
  await expectApp(page, '/with-backup-code');
  await signOut(page);

  await givePassword(page, '/with-spent-code', password);
  await giveBackupCode(page, codes[0]);
  await expectRefused(page);
  await giveBackupCode(page, codes[1]);
  await expectApp(page, '/with-spent-code');

  await page.goto(`${walk.origin}${walk.invitation}`);
  await look(page, 'invitation-used');
  assert.equal(await page.locator('[name="new_password"]').count(), 0, 'an invitation works once');
}

/** Whatever a page asks for must be of its own origin, and nothing may fall to its own policy. */
function watch(page) {
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== walk.origin && protocol !== 'data:') complaints.push(`${page.url()} asks for ${request.url()}`);
  });
  page.on('console', (message) => {
    if (/Content.Security.Policy|Refused to/i.test(message.text())) complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error}`));
}

async function main() {
  if (walk.screenshots) mkdirSync(walk.screenshots, { recursive: true });
  const { host, protocol } = new URL(walk.origin);
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    chromiumSandbox: process.getuid() !== 0,
    args: [`--host-resolver-rules=MAP ${host}:${protocol === 'https:' ? 443 : 80} ${walk.server}`, '--disable-quic'],
  });
  const context = await browser.newContext({
    javaScriptEnabled: walk.script,
    ignoreHTTPSErrors: true,
    viewport: DESKTOP,
    locale: 'en-GB',
  });
  context.setDefaultTimeout(DEADLINE);
  // Injected by the driver, which the policy of a page does not concern.
  if (walk.script) await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  if (walk.inspect) await context.addInitScript({ content: axe });
  const page = await context.newPage();
  watch(page);
  try {
    await story(context, page);
  } catch (error) {
    console.error(`at ${page.url()}:\n${await page.locator('body').innerText().catch(() => '')}\n`);
    await picture(page, 'failed').catch(() => {});
    throw error;
  } finally {
    await browser.close();
  }
  assert.deepEqual([...new Set(complaints)], [], 'complaints');
}

try {
  await main();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
