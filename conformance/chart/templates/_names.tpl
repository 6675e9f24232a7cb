{{- /* The labels that all objects share; the argument is a list: the root, then the component. */ -}}
{{- define "labels" -}}
{{- $root := index . 0 -}}
app: camunda-platform
{{ include "selector" . }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: camunda-platform
app.kubernetes.io/version: {{ (index . 2).image.tag | quote }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- end }}

{{- define "selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: camunda-platform
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "image" -}}
{{ .image.repository }}:{{ .image.tag }}
{{- end }}

{{- define "brokers" -}}
{{- if lt (int .Values.global.multiregion.regions) 1 }}{{ fail "global.multiregion.regions must be 1 at least" }}{{ end -}}
{{- if mod (int .Values.zeebe.clusterSize) (int .Values.global.multiregion.regions) }}{{ fail "zeebe.clusterSize must be a multiple of global.multiregion.regions" }}{{ end -}}
{{ div (int .Values.zeebe.clusterSize) (int .Values.global.multiregion.regions) }}
{{- end }}

{{- /* These objects are a subchart's in the real chart, and bear its labels. */}}
{{- define "elasticsearch-labels" }}
app.kubernetes.io/name: elasticsearch
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: master
{{- end }}
