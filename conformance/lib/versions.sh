# shellcheck shell=bash disable=SC2034
# The versions that the conformance suite is proven with: the key of the cache. Sourced, never run.

HELM_VERSION=3.19.5
VERSITYGW_VERSION=1.8.0
KWOK_VERSION=0.7.0
# A patch whose staging modules are all published: not every one is.
KUBERNETES_VERSION=1.30.14
ELASTICSEARCH_VERSION=8.15.0
OPENSEARCH_VERSION=3.6.0
MOTO_VERSION=5.2.5
MAVEN_DEPENDENCY_PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.6.0

# What each archive must be, beside what its registry says about it.
ELASTICSEARCH_SHA256=c473366cf9e27bf6af9a9981a5e57dc206c04217439dbdf58df60e3683dff08b
OPENSEARCH_SHA256=a91faa1dc1cadc78cb278b4f63847e19e1627a4e9de698e14e7efc14ee37b286
