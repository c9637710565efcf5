// SPDX-License-Identifier: BSD-3-Clause
// In the page: what is wrong with what is on it now, which of the texts stand where, and how to go through it.
window.dialogs = 0;
window.alert = window.confirm = window.prompt = () => { dialogs += 1 };

window.painted = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));

const nameOf = element => `${element.localName}.${element.getAttribute('class')}`;
const FOREIGN = 'script, iframe, object, embed, style, base, link, meta, marquee, math, video, audio, b';
const ADDRESSES = ['href', 'src', 'action', 'formaction', 'xlink:href', 'srcdoc'];
const OURS = /^(#|\.?\/|join$|data:image|[a-z0-9./-]*$|http:\/\/127)/;

// Elements and attributes that nobody of ours makes, and what sticks out of the page or of its card.
window.faults = () => {
    const found = [];
    for (const element of document.body.querySelectorAll(FOREIGN))
        found.push(`element ${element.outerHTML.slice(0, 200)}`);
    for (const element of document.body.querySelectorAll('*'))
        for (const { name, value } of element.attributes)
            if (name.startsWith('on') || (ADDRESSES.includes(name) && !OURS.test(value)))
                found.push(`attribute ${name}=${value.slice(0, 100)}`);
    const { scrollWidth, clientWidth } = document.documentElement;
    const isOut = right => each => each.getBoundingClientRect().right > right + 1;
    const outside = (element, right) =>
        [...element.querySelectorAll('*')].filter(isOut(right)).map(nameOf).slice(0, 8).join(' ');
    if (scrollWidth > clientWidth)
        found.push(`the page is ${scrollWidth} px wide: ${outside(document.body, clientWidth)}`);
    for (const card of document.querySelectorAll('article, .card, dialog')) {
        const { left, right } = card.getBoundingClientRect();
        const cell = card.closest('[data-cell]')?.getBoundingClientRect() ?? { left: 0, right: clientWidth };
        if (left < cell.left - 1 || right > Math.min(cell.right, clientWidth) + 1 || card.scrollWidth > card.clientWidth + 1)
            found.push(`${card.dataset.uid?.slice(0, 80) ?? nameOf(card)}: ${card.scrollWidth} > ${card.clientWidth}: ${outside(card, right)}`);
    }
    return found;
};

// Which devices are in sight, which of them have exactly their text as title, and in the reason why a write failed, and
// which resources have a widget.
window.look = (titles, seen) => {
    const isInSight = element => {
        const { top, bottom, height } = element.getBoundingClientRect();
        return height > 0 && bottom > 0 && top < innerHeight;
    };
    for (const element of document.querySelectorAll('article, [role=row][data-uid]')) {
        if (!isInSight(element)) continue;
        const { uid } = element.dataset;
        seen.uids.add(uid);
        const title = titles[uid]?.trim();
        const shown = element.querySelector('h2 bdi, a[data-row] bdi')?.textContent.trim();
        if (title === shown || (title === '' && shown !== '')) seen.titled.add(uid);
        if (title !== undefined && element.querySelector('.failed')?.textContent.includes(titles[uid].slice(0, 100))) seen.refused.add(uid);
        for (const widget of element.querySelectorAll('[data-resource]')) seen.resources.add(widget.dataset.resource);
    }
};

// From top to bottom, until as many devices were seen as there are: heights are guesses until cards have been near.
window.goThrough = async (titles, count, clicked = null) => {
    const seen = { uids: new Set(), titled: new Set(), refused: new Set(), resources: new Set() };
    const found = [];
    for (let turn = 0; turn < 4 && seen.uids.size < count; turn += 1) {
        scrollTo(0, 0);
        for (let top = -1; top !== scrollY && seen.uids.size < count; scrollBy(0, innerHeight - 1500)) {
            top = scrollY;
            await painted();
            if (clicked !== null) {
                for (const control of document.querySelectorAll(clicked)) control.click();
                do await painted(); while (document.querySelector('.outcome.pending') !== null);
            }
            look(titles, seen);
            found.push(...faults());
        }
    }
    const sizes = [seen.uids.size, seen.titled.size, seen.refused.size];
    return { faults: [...new Set(found)].slice(0, 10), sizes, resources: [...seen.resources] };
};

// Each of the addresses in turn, as fast as they are painted.
window.visit = async hashes => {
    const found = [];
    for (const hash of hashes) {
        location.hash = hash;
        await painted();
        found.push(...faults().map(fault => `${hash.slice(0, 80)}: ${fault}`));
    }
    return found.slice(0, 10);
};
