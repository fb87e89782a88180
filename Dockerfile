# One static program in an empty image:  docker build -t vestibule .
#
# BASE_IMAGE may be any image with nothing in the way, such as debian:bookworm-slim for a shell inside.
ARG RUST_IMAGE=rust:1.95-bookworm
ARG BASE_IMAGE=scratch

FROM ${RUST_IMAGE} AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock README.md ./
COPY src src
# Cargo looks for every file that the manifest names.
COPY tests/bench/*.rs tests/bench/
# The target is named so that "crt-static" holds for the program alone, not for what builds it.
RUN target="$(rustc --print host-tuple)" \
    && RUSTFLAGS="-C target-feature=+crt-static" \
       cargo build --release --locked --bin vestibule --target "$target" \
    && install -D "target/$target/release/vestibule" /image/usr/local/bin/vestibule \
    && mkdir -p /image/etc /data \
    && echo 'vestibule:x:10001:10001::/var/lib/vestibule:/sbin/nologin' > /image/etc/passwd

FROM ${BASE_IMAGE}
COPY --from=build /image/ /
COPY --from=build --chown=10001:10001 /data /var/lib/vestibule
# For a master key in a volume of its own: storage.master_key_file = "/var/lib/vestibule-key/master.key".
COPY --from=build --chown=10001:10001 /data /var/lib/vestibule-key
USER 10001:10001
# The store lies in vestibule-data below; the configuration may be mounted here or in /etc/vestibule.
WORKDIR /var/lib/vestibule
VOLUME /var/lib/vestibule
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s CMD ["/usr/local/bin/vestibule", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/vestibule"]
CMD ["serve"]
