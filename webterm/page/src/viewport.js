// src/viewport.js - on a phone the page ends where the on-screen keyboard begins, so that the prompt is seen.
const view = window.visualViewport;

function follow() {
    const hidden = innerHeight - view.height > 60 && view.scale === 1;
    document.body.style.height = hidden ? `${view.height}px` : '';
    document.body.style.transform = hidden && view.offsetTop > 0 ? `translateY(${view.offsetTop}px)` : '';
    document.body.classList.toggle('keyboard', hidden);
}

if (view) {
    view.addEventListener('resize', follow);
    view.addEventListener('scroll', follow);
}
