// webterm/page/build.mjs - makes the page that webterm serves.
//
//     node build.mjs PACKAGES OUT     PACKAGES: where node_modules lies; OUT: build/page
//
//     OUT/index.html (.gz .br)              names the files below; never cached
//     OUT/assets/NAME-HASH.js|css|svg       cached for ever: another content has another name
//     OUT/../page-maps/                     source maps, which are not served
//
// A text file that shrinks has its .gz and .br beside it.  OUT appears whole, or not at all.
import {createHash} from 'node:crypto';
import {existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import zlib from 'node:zlib';

const HERE = path.dirname(fileURLToPath(import.meta.url));

function fail(sentence) {
    console.error(`page: ${sentence}`);
    process.exit(1);
}

/** JavaScript and CSS into OUT/assets, maps elsewhere.  Returns entry -> name of its file. */
async function bundle(esbuild, modules, out, maps) {
    const made = await esbuild.build({
        absWorkingDir: HERE,
        entryPoints: ['src/main.js', 'css/main.css'],
        bundle: true,
        splitting: true,
        format: 'esm',
        target: ['chrome107', 'firefox104', 'safari16'],
        minify: true,
        legalComments: 'none',
        sourcemap: 'external',
        entryNames: '[name]-[hash]',
        chunkNames: 'part-[hash]',
        assetNames: '[name]-[hash]',
        nodePaths: [modules],
        outdir: path.join(out, 'assets'),
        metafile: true,
        logLevel: 'warning',
    });
    const entries = {};
    for (const [file, output] of Object.entries(made.metafile.outputs)) {
        const whole = path.resolve(HERE, file);
        if (file.endsWith('.map')) {
            renameSync(whole, path.join(maps, path.basename(file)));
        } else if (output.entryPoint) {
            entries[output.entryPoint] = 'assets/' + path.basename(file);
        }
    }
    return entries;
}

/** A file of this folder under a name that has its hash. */
function asset(out, name) {
    const bytes = readFileSync(path.join(HERE, name));
    const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 8).replace(/[-_]/g, 'A');
    const {name: stem, ext} = path.parse(name);
    const to = `assets/${stem}-${hash}${ext}`;
    writeFileSync(path.join(out, to), bytes);
    return to;
}

function compress(folder) {
    for (const name of readdirSync(folder)) {
        const file = path.join(folder, name);
        if (statSync(file).isDirectory()) {
            compress(file);
            continue;
        }
        const bytes = readFileSync(file);
        const gz = zlib.gzipSync(bytes, {level: 9});
        const br = zlib.brotliCompressSync(bytes, {params: {[zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length}});
        if (gz.length < bytes.length) {
            writeFileSync(file + '.gz', gz);
        }
        if (br.length < bytes.length) {
            writeFileSync(file + '.br', br);
        }
    }
}

async function main() {
    const [packages, out] = process.argv.slice(2).map((p) => path.resolve(p));
    if (!out) {
        fail('say where the packages are and where to build: node build.mjs PACKAGES OUT');
    }
    const modules = path.join(packages, 'node_modules');
    if (!existsSync(path.join(modules, 'esbuild'))) {
        fail(`no esbuild in ${modules}: run 'npm ci' there, or 'make page', which does`);
    }
    const esbuild = createRequire(path.join(packages, 'x.js'))('esbuild');
    const fresh = out + '.new';
    const maps = path.join(path.dirname(out), 'page-maps');
    for (const folder of [fresh, maps]) {
        rmSync(folder, {recursive: true, force: true});
        mkdirSync(folder, {recursive: true});
    }
    const entries = await bundle(esbuild, modules, fresh, maps);
    const names = {
        SCRIPT: entries['src/main.js'],
        STYLE: entries['css/main.css'],
        ICON: asset(fresh, 'icon.svg'),
    };
    const html = readFileSync(path.join(HERE, 'index.html'), 'utf8')
        .replace(/@([A-Z]+)@/g, (whole, name) => names[name] ?? fail(`index.html: unknown name ${whole}`));
    writeFileSync(path.join(fresh, 'index.html'), html);
    compress(fresh);
    rmSync(out, {recursive: true, force: true});
    renameSync(fresh, out);
}

await main();
