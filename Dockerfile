# One build, a small image for each service: docker-compose.yml names the targets.
#
# ofproxy, vnsbridge, router and webterm have their program, causeway (for the health check and for
# looking into it), the libraries of the two, and nothing else: no shell, no package manager.  The lab
# has Debian, for it is a small network of its own.
FROM debian:bookworm-slim AS build
COPY .ci/packages .ci/npm /src/.ci/
RUN /src/.ci/npm && /src/.ci/packages compile && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Makefile ./
COPY webterm/page webterm/page
RUN make page
COPY .ci/image .ci/
COPY docs/openapi.yaml docs/openapi.json docs/
COPY common common
COPY shm shm
COPY ofproxy ofproxy
COPY vnsbridge vnsbridge
COPY router router
COPY ctl ctl
COPY webterm webterm
RUN make -j"$(nproc)" programs && strip build/bin/* && .ci/image /out ofproxy vnsbridge router webterm

FROM scratch AS ofproxy
COPY --from=build /out/ofproxy /
USER 990:990
ENTRYPOINT ["/bin/ofproxy"]

FROM scratch AS vnsbridge
COPY --from=build /out/vnsbridge /
USER 990:990
ENTRYPOINT ["/bin/vnsbridge"]

FROM scratch AS router
COPY --from=build /out/router /
USER 990:990
ENTRYPOINT ["/bin/router"]

FROM scratch AS webterm
COPY --from=build /out/webterm /
USER 990:990
ENTRYPOINT ["/bin/webterm"]

# The folders are those of 'make install PREFIX=/usr'.
FROM debian:bookworm-slim AS lab
COPY .ci/packages /tmp/packages
RUN /tmp/packages runtime lab && rm -rf /var/lib/apt/lists/* /tmp/packages
COPY --from=build /src/build/bin/ptyhost /src/build/bin/causeway /usr/bin/
RUN ! ldd /usr/bin/ptyhost /usr/bin/causeway | grep 'not found'
COPY lab /usr/lib/causeway/lab
ENTRYPOINT ["/usr/lib/causeway/lab/container"]
